from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.api.application_rules import ApplicationRules
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump
from gitops_agent.render.chart_lock import digest
from gitops_agent.source.sources import Sources
from tests.agent.desired.test_declared_state import Stand, names
from tests.agent.desired.test_remote_bases import begun, polled, rendered
from tests.agent.samples import application, config_map, key
from tests.source.author import Author
from tests.source.chart.archives import member, packed
from tests.source.chart.server import ChartServer, serving
from tests.waiting import eventually

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture
def stand(sources: Sources, author: Author, transport: Transport, tmp_path: Path) -> Iterator[Stand]:
    clock = Scheduler()
    clock.start()
    stand = Stand(sources=sources, author=author, transport=transport, clock=clock, scratch=tmp_path / "scratch")
    stand.stores.autoscalers.replace([], "1")
    yield stand
    stand.rendering.stop()
    stand.stores.informer.stop()
    clock.stop()


@pytest.fixture
def charts() -> Iterator[ChartServer]:
    with serving() as server:
        server.publish("redis", "1.2.0", redis("1.2.0"))
        yield server


def redis(version: str) -> bytes:
    about = f"apiVersion: v2\nname: redis\nversion: {version}\n".encode()
    return packed(member("redis/templates/a.yaml", config_map("redis").encode()), chart=about, name="redis")


def shop(url: str, version: str = "1.2.0") -> dict[str, str | bytes]:
    wishes: list[Object] = [{"name": "redis", "version": "1.x", "repository": url}]
    entries = [{"name": "redis", "repository": url, "version": version}]
    return {
        "shop/Chart.yaml": dump({"apiVersion": "v2", "name": "shop", "version": "0.1.0", "dependencies": wishes}),
        "shop/Chart.lock": dump({"dependencies": entries, "digest": digest(wishes, entries)}),
        "shop/templates/a.yaml": config_map("shop"),
    }


def test_a_dependency_is_fetched_once_and_waited_for_without_a_worker(stand: Stand, charts: ChartServer) -> None:
    stand.author.commit(shop(charts.url))
    begun(stand)

    waiting = stand.declare()
    assert (waiting.pending, waiting.error) == (f"redis 1.2.0 from {charts.url} is being fetched", None)
    assert polled(stand) == 1
    eventually(lambda: stand.declare().desired is not None)
    declared = stand.declare()
    assert names(declared) == {"ConfigMap:gitops-system/redis", "ConfigMap:gitops-system/shop"}
    assert declared.revision is not None
    assert declared.revision.dependencies is not None
    (dependency,) = declared.revision.dependencies
    assert (dependency.chart.name, dependency.chart.version, dependency.parent) == ("redis", "1.2.0", "")
    assert dependency.chart.digest.startswith("sha256:")

    asked, count = len(charts.seen), stand.rendering.count
    stand.author.commit({**shop(charts.url), "shop/templates/b.yaml": config_map("more")})
    stand.poll()
    rendered(stand)
    assert names(stand.declare()) >= {"ConfigMap:gitops-system/more", "ConfigMap:gitops-system/redis"}
    assert (len(charts.seen), stand.rendering.count) == (asked, count + 1)


def test_a_repository_that_is_down_is_named_with_the_chart_and_asked_again(stand: Stand, charts: ChartServer) -> None:
    charts.answers["/index.yaml"] = (503, {}, b"")
    stand.author.commit(shop(charts.url))
    begun(stand)
    polled(stand)

    error = stand.declare().error
    assert error is not None
    assert (error.reason, error.transient) == ("SourceUnavailable", True)
    assert error.message.startswith("shop/Chart.yaml: dependencies: redis: ")
    assert "status 503" in error.message
    del charts.answers["/index.yaml"]
    stand.loader.refresh(key("shop"), "now")
    polled(stand)
    eventually(lambda: stand.declare().desired is not None)


def test_an_archive_that_is_not_what_its_index_says_is_refused(stand: Stand, charts: ChartServer) -> None:
    charts.publish("redis", "1.2.0", redis("1.2.0"), digest="0" * 64)
    stand.author.commit(shop(charts.url))
    begun(stand)
    polled(stand)

    error = stand.declare().error
    assert error is not None
    assert error.reason == "ChartDigestMismatch"


def test_a_dependency_that_was_published_again_is_refused_after_a_restart_without_a_cache(
    stand: Stand, charts: ChartServer
) -> None:
    first = charts.publish("redis", "1.2.0", redis("1.2.0"))
    charts.publish("redis", "1.2.0", packed(chart=b"apiVersion: v2\nname: redis\nversion: 1.2.0\n", name="redis"))
    stand.author.commit(shop(charts.url))
    moment = "2026-11-03T00:00:00+00:00"
    row = {"name": "redis", "range": "1.2.0", "version": "1.2.0", "digest": first, "resolvedAt": moment}
    status = {"source": {"dependencies": [{"repository": charts.url, **row}]}}
    again = replace(application("shop", url=stand.author.repository.url, path="shop"), status=status)
    stand.loader.load(again)
    stand.poll()
    stand.loader.load(again)
    eventually(lambda: not stand.rendering._work)
    polled(stand)

    error = stand.loader.load(again).error
    assert error is not None
    assert error.reason == "ChartRepublished"
    assert error.message.startswith(
        f"shop/Chart.yaml: dependencies: redis: redis 1.2.0 from {charts.url} was {first} on 2026-11-03"
    )
    assert error.message.endswith("depend on another version by a new lock, or put the chart into charts/ to accept it")


def test_the_rules_for_repositories_hold_for_dependencies(stand: Stand, charts: ChartServer) -> None:
    stand.stores.applications.rules = ApplicationRules(repositories=(stand.author.repository.url,))
    stand.author.commit(shop(charts.url))
    begun(stand)

    error = stand.declare().error
    assert error is not None
    assert error.reason == "ChartDependency"
    assert "source.allowedRepositories" in error.message
    assert (polled(stand), charts.seen) == (0, [])


def test_what_a_corrected_chart_no_longer_names_is_asked_for_no_more(stand: Stand, charts: ChartServer) -> None:
    with serving() as wrong:
        wrong.answers["/index.yaml"] = (503, {}, b"")
        stand.author.commit(shop(wrong.url))
        begun(stand)
        polled(stand)
        assert stand.declare().error is not None

        stand.author.commit(shop(charts.url))
        stand.poll()
        rendered(stand)
        polled(stand)
        eventually(lambda: stand.declare().desired is not None)
        polled(stand)
        asked = len(wrong.seen)
        stand.time.now += 3600
        stand.declare()
        polled(stand)

        assert len(wrong.seen) == asked
