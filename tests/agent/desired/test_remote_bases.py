from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.agent.scheduler import Scheduler
from gitops_agent.api.application_rules import ApplicationRules
from gitops_agent.cluster.transport import Transport
from gitops_agent.source.repository import Repository
from gitops_agent.source.sources import Sources
from tests.agent.desired.test_declared_state import Stand, names
from tests.agent.samples import config_map, key
from tests.source.author import Author
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
def base(tmp_path: Path) -> Author:
    return Author(tmp_path / "base.git")


def overlay(base: Author, commit: str) -> dict[str, str | bytes]:
    return {"shop/kustomization.yaml": f"resources: ['{base.repository.url}//web?ref={commit}']\n"}


def web(name: str) -> dict[str, str | bytes]:
    return {"web/kustomization.yaml": "resources: [w.yaml]\n", "web/w.yaml": config_map(name)}


def begun(stand: Stand) -> None:
    """Polls, and renders once."""
    stand.declare()
    stand.poll()
    rendered(stand)


def rendered(stand: Stand) -> None:
    """Waits until no render is under way; starts one that is due."""
    stand.declare()
    eventually(lambda: not stand.rendering._work)


def polled(stand: Stand) -> int:
    """Polls what is queued; how many repositories."""
    count = 0
    while (item := stand.repositories.take(0)) is not None:
        stand.polling.reconcile(item)
        stand.repositories.done(item.key)
        count += 1
    return count


def test_a_base_is_fetched_once_and_waited_for_without_a_worker(stand: Stand, base: Author) -> None:
    commit = base.commit(web("one"))
    base.commit(web("two"))
    stand.author.commit(overlay(base, commit))
    begun(stand)

    waiting = stand.declare()
    assert (waiting.pending, waiting.error) == (f"{base.repository.url} at {commit[:12]} is being fetched", None)
    assert polled(stand) == 1
    eventually(lambda: stand.declare().desired is not None)
    assert names(stand.declare()) == {"ConfigMap:gitops-system/one"}

    count = stand.rendering.count
    shutil.rmtree(base.directory)
    stand.time.now += 3600
    stand.declare()
    assert (polled(stand), stand.rendering.count) == (0, count)


def test_a_restart_needs_no_network_for_it(
    stand: Stand, base: Author, sources: Sources, transport: Transport, tmp_path: Path
) -> None:
    stand.author.commit(overlay(base, base.commit(web("one"))))
    begun(stand)
    polled(stand)
    eventually(lambda: stand.declare().desired is not None)
    shutil.rmtree(base.directory)

    clock = Scheduler()
    later = Stand(sources=sources, author=stand.author, transport=transport, clock=clock, scratch=tmp_path / "later")
    later.stores.autoscalers.replace([], "1")
    begun(later)
    assert names(later.declare()) == {"ConfigMap:gitops-system/one"}
    assert polled(later) == 0
    later.rendering.stop()
    later.stores.informer.stop()


def test_a_commit_that_leaves_it_alone_renders_nothing(stand: Stand, base: Author) -> None:
    files = overlay(base, base.commit(web("one")))
    stand.author.commit(files)
    begun(stand)
    polled(stand)
    eventually(lambda: stand.declare().desired is not None)
    count = stand.rendering.count

    newer = stand.author.commit({**files, "other/file": "x"})
    stand.poll()
    declared = stand.declare()
    assert declared.revision is not None
    assert (declared.revision.commit, declared.pending, stand.rendering.count) == (newer, "", count)


def test_a_base_that_cannot_be_fetched_is_named_with_its_place(stand: Stand, base: Author) -> None:
    base.commit(web("one"))
    stand.author.commit(overlay(base, "f" * 40))
    begun(stand)
    polled(stand)

    error = stand.declare().error
    assert error is not None
    assert error.reason == "RevisionNotFound"
    assert error.message.startswith(f"shop/kustomization.yaml: resources: commit {'f' * 40} is on none of")
    stand.author.commit(overlay(base, base.commit(web("two"))))
    stand.poll()
    rendered(stand)
    polled(stand)
    eventually(lambda: stand.declare().desired is not None)


def test_the_rules_for_repositories_hold_for_bases(stand: Stand, base: Author) -> None:
    stand.stores.applications.rules = ApplicationRules(repositories=(stand.author.repository.url,))
    stand.author.commit(overlay(base, base.commit(web("one"))))
    begun(stand)

    error = stand.declare().error
    assert error is not None
    assert error.reason == "RemoteBase"
    assert "source.allowedRepositories" in error.message
    assert polled(stand) == 0


def test_what_no_application_reads_any_more_is_removed(stand: Stand, base: Author, tmp_path: Path) -> None:
    stand.author.commit(overlay(base, base.commit(web("one"))))
    begun(stand)
    polled(stand)
    eventually(lambda: stand.declare().desired is not None)
    mirror = Repository(url=base.repository.url, shallow=True).id
    assert list(tmp_path.rglob(f"{mirror}.git"))

    stand.loader.forget(key("shop"))
    polled(stand)
    assert not list(tmp_path.rglob(f"{mirror}.git"))
