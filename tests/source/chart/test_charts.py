"""Charts over several polls: what is chosen, kept, moved, and refused."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.manifest.revision_name import digest_of
from gitops_agent.source.chart.chart_ref import ChartLock, ChartRef, ChartSource
from gitops_agent.source.chart.charts import Charts
from gitops_agent.source.chart.repository import ChartAccess
from gitops_agent.source.poll import Poll
from tests.source.chart.archives import member, packed
from tests.source.chart.server import ChartServer, serving

RANGE = ChartRef(name="podinfo", version="~6.5")
EXACT = ChartRef(name="podinfo", version="6.5.4")
OTHER = packed(member("podinfo/templates/evil.yaml", b"kind: Evil\n"))


def source(server: ChartServer) -> ChartSource:
    return ChartSource(url=server.url)


def polled(charts: Charts, server: ChartServer, *refs: ChartRef, locks: tuple[ChartLock, ...] = ()) -> Poll:
    return charts.poll(source(server), refs or (RANGE,), ChartAccess(url=server.url), locks)


def lock(version: str, digest: str) -> ChartLock:
    at = datetime(2026, 11, 3, tzinfo=UTC)
    return ChartLock(name="podinfo", range="~6.5", version=version, digest=digest, resolved_at=at)


@pytest.fixture
def charts(tmp_path: Path) -> Charts:
    return Charts(tmp_path)


def test_a_range_becomes_a_version_with_a_digest(charts: Charts, server: ChartServer) -> None:
    poll = polled(charts, server)
    revision = charts.resolve(source(server), RANGE)

    assert poll.tips[RANGE] == revision.commit
    assert revision.chart is not None
    assert (revision.short, revision.chart.version, revision.chart.warnings) == ("podinfo-6.5.4", "6.5.4", ())
    assert revision.chart.digest == digest_of(revision.commit)
    assert charts.tree(source(server), revision.commit).read("Chart.yaml", limit=1000).startswith(b"apiVersion: v2")


def test_an_unchanged_repository_moves_nothing_and_sends_no_archive(charts: Charts, server: ChartServer) -> None:
    first, second = polled(charts, server), polled(charts, server)

    assert [move.new for move in first.moved] == [first.tips[RANGE]]
    assert second.moved == ()
    assert server.asked("/podinfo-6.5.4.tgz") == 1


def test_a_newer_version_moves_a_range(charts: Charts, server: ChartServer) -> None:
    before = polled(charts, server)
    server.publish("podinfo", "6.5.5")
    after = polled(charts, server, RANGE, EXACT)

    assert [(move.ref, move.old) for move in after.moved] == [(EXACT, ""), (RANGE, before.tips[RANGE])]
    assert charts.resolve(source(server), RANGE).short == "podinfo-6.5.5"
    assert charts.resolve(source(server), EXACT).short == "podinfo-6.5.4"
    assert server.asked("/index.yaml") == 2


def test_a_restart_keeps_the_version_and_a_later_poll_moves_it(tmp_path: Path, server: ChartServer) -> None:
    polled(Charts(tmp_path), server)
    server.publish("podinfo", "6.5.5")
    again = Charts(tmp_path)

    assert again.resolve(source(server), RANGE).short == "podinfo-6.5.4"
    assert polled(again, server).moved == ()
    assert server.asked("/index.yaml") == 1
    assert again.resolve(source(server), RANGE).short == "podinfo-6.5.4"
    polled(again, server)
    assert again.resolve(source(server), RANGE).short == "podinfo-6.5.5"


def test_a_poll_and_a_reconcile_that_begin_together_know_the_same(tmp_path: Path, server: ChartServer) -> None:
    polled(Charts(tmp_path), server)
    reading, both = threading.Event(), Charts(tmp_path)
    place = next(tmp_path.rglob("tips.json"))
    text = place.read_bytes()
    place.unlink()
    os.mkfifo(place)
    known: list[str] = []

    def resolve() -> None:
        reading.set()
        known.append(both.resolve(source(server), RANGE).short)

    first, second = (
        threading.Thread(target=resolve),
        threading.Thread(target=lambda: known.append(str(polled(both, server).moved))),
    )
    first.start()
    reading.wait(60)
    second.start()
    place.write_bytes(text)
    first.join(60)
    second.join(60)

    assert sorted(known) == ["()", "podinfo-6.5.4"]


def test_a_lost_cache_keeps_the_version_that_the_status_has(tmp_path: Path, server: ChartServer) -> None:
    digest = server.publish("podinfo", "6.5.4")
    server.publish("podinfo", "6.5.5")
    charts = Charts(tmp_path)
    polled(charts, server, locks=(lock("6.5.4", digest),))
    revision = charts.resolve(source(server), RANGE)

    assert revision.short == "podinfo-6.5.4"
    assert revision.chart is not None
    assert revision.chart.resolved_at == datetime(2026, 11, 3, tzinfo=UTC)


def test_a_lock_of_another_range_decides_nothing(charts: Charts, server: ChartServer) -> None:
    digest = server.publish("podinfo", "6.5.3")
    polled(charts, server, ChartRef(name="podinfo", version="^6"), locks=(lock("6.5.3", digest),))

    assert charts.resolve(source(server), ChartRef(name="podinfo", version="^6")).short == "podinfo-6.5.4"


@pytest.mark.parametrize("named", [True, False], ids=["with a digest", "without one"])
def test_a_version_with_another_content_is_refused_and_the_former_stays(
    tmp_path: Path, server: ChartServer, *, named: bool
) -> None:
    digest = server.publish("podinfo", "6.5.4")
    server.publish("podinfo", "6.5.4", OTHER, digest=None if named else "")
    charts = Charts(tmp_path)
    poll = polled(charts, server, RANGE, ChartRef(name="podinfo", version="6.5.3"), locks=(lock("6.5.4", digest),))

    assert poll.errors[RANGE].reason == "ChartRepublished"
    assert f"was {digest} on 2026-11-03 and is sha256:" in str(poll.errors[RANGE])
    with pytest.raises(SourceError, match="has not been fetched yet"):
        charts.resolve(source(server), RANGE)


def test_a_version_that_is_published_again_stays_what_it_was(charts: Charts, server: ChartServer) -> None:
    before = polled(charts, server)
    server.publish("podinfo", "6.5.4", OTHER)
    poll = polled(charts, server)

    assert poll.errors[RANGE].reason == "ChartRepublished"
    assert charts.resolve(source(server), RANGE).commit == before.tips[RANGE]
    assert charts.tree(source(server), before.tips[RANGE]).entry("templates") is None


def test_an_accepted_content_is_followed_by_who_accepted_it_alone(charts: Charts, server: ChartServer) -> None:
    before = polled(charts, server)
    digest = server.publish("podinfo", "6.5.4", OTHER)
    mine = replace(RANGE, accepted=f"6.5.4@{digest}")
    assert charts.resolve(source(server), mine).commit == before.tips[RANGE]
    poll = polled(charts, server, RANGE, mine)

    assert digest_of(poll.tips[mine]) == digest
    assert [(move.ref, move.old) for move in poll.moved] == [(mine, before.tips[RANGE])]
    assert poll.errors[RANGE].reason == "ChartRepublished"
    assert charts.resolve(source(server), RANGE).commit == before.tips[RANGE]


def test_an_accepted_content_is_no_word_for_the_next_one(charts: Charts, server: ChartServer) -> None:
    polled(charts, server)
    mine = replace(RANGE, accepted=f"6.5.4@{server.publish('podinfo', '6.5.4', OTHER)}")
    accepted = polled(charts, server, mine)
    third = server.publish("podinfo", "6.5.4", packed(member("podinfo/templates/third.yaml", b"kind: Third\n")))
    error = polled(charts, server, mine).errors[mine]

    assert (error.facts["before"], error.facts["digest"]) == (digest_of(accepted.tips[mine]), third)
    assert error.facts["approval"][:12] in str(error)
    assert charts.resolve(source(server), mine).commit == accepted.tips[mine]


def test_a_content_that_is_not_there_yet_keeps_what_is_followed(charts: Charts, server: ChartServer) -> None:
    before = polled(charts, server)
    mine = replace(RANGE, accepted=f"6.5.4@{server.publish('podinfo', '6.5.4', OTHER)}")
    third = server.publish("podinfo", "6.5.4", packed(member("podinfo/templates/third.yaml", b"kind: Third\n")))

    assert polled(charts, server, mine).errors[mine].facts["digest"] == third
    assert charts.resolve(source(server), mine).commit == before.tips[RANGE]


def test_without_a_cache_an_accepted_content_is_that_of_the_status_and_binds_nobody_else(
    tmp_path: Path, server: ChartServer
) -> None:
    first = digest_of(polled(Charts(tmp_path / "one"), server).tips[RANGE])
    digest = server.publish("podinfo", "6.5.4", OTHER)
    mine = replace(RANGE, accepted=f"6.5.4@{digest}")
    locks = (lock("6.5.4", first), replace(lock("6.5.4", digest), accepted=True, resolved_at=datetime.now(UTC)))
    poll = polled(Charts(tmp_path / "two"), server, RANGE, mine, locks=locks)

    assert digest_of(poll.tips[mine]) == digest
    assert poll.errors[RANGE].facts["before"] == first


def test_a_digest_in_the_spec_accepts_what_was_published_again(charts: Charts, server: ChartServer) -> None:
    polled(charts, server)
    digest = server.publish("podinfo", "6.5.4", OTHER)
    pinned = ChartRef(name="podinfo", version="6.5.4", digest=digest)
    poll = polled(charts, server, pinned)

    assert digest_of(poll.tips[pinned]) == digest


def test_a_digest_in_the_spec_wins_over_a_false_index(charts: Charts, server: ChartServer) -> None:
    digest = server.publish("podinfo", "6.5.4", digest="b89c" * 16)
    pinned, wrong = (ChartRef(name="podinfo", version="6.5.4", digest=each) for each in (digest, "sha256:" + "0" * 64))
    poll = polled(charts, server, EXACT, pinned, wrong)

    assert poll.errors[EXACT].reason == "ChartDigestMismatch"
    assert digest_of(poll.tips[pinned]) == digest
    assert poll.errors[wrong].reason == "ChartDigestMismatch"
    assert "the spec says sha256:000" in str(poll.errors[wrong])


def test_what_users_should_know_comes_with_the_revision(charts: Charts, server: ChartServer) -> None:
    server.publish("podinfo", "6.5.4", digest="", deprecated=True)
    polled(charts, server)
    chart = charts.resolve(source(server), RANGE).chart

    assert chart is not None
    assert [text.partition(" 6.5.4")[0] for text in chart.warnings] == [
        "the chart podinfo",
        f"{server.url} names no digest of podinfo",
    ]


@pytest.mark.parametrize("fault", ["down", "lying", "empty", "without the chart"])
def test_a_repository_that_fails_changes_nothing(charts: Charts, server: ChartServer, fault: str) -> None:
    before = polled(charts, server)
    body = {"down": b"", "lying": b"entries:\n  podinfo: 5\n", "empty": b"", "without the chart": b"entries:\n  nginx: []\n"}[
        fault
    ]
    server.answers["/index.yaml"] = (503 if fault == "down" else 200, {}, body)
    try:
        error: Exception = polled(charts, server).errors[RANGE]
    except SourceError as whole:
        error = whole

    assert str(error)
    assert charts.resolve(source(server), RANGE).commit == before.tips[RANGE]


def test_one_archive_that_is_not_there_is_no_failure_of_the_others(charts: Charts, server: ChartServer) -> None:
    del server.archives["/podinfo-6.5.4.tgz"]
    older = ChartRef(name="podinfo", version="6.5.3")
    poll = polled(charts, server, EXACT, older)

    assert poll.errors[EXACT].transient
    assert older in poll.tips


def test_a_hostile_archive_is_not_kept(charts: Charts, server: ChartServer, tmp_path: Path) -> None:
    server.publish("podinfo", "6.5.4", packed(member("podinfo/../../evil", b"x")))

    assert polled(charts, server).errors[RANGE].reason == "ChartInvalid"
    assert list(tmp_path.rglob("*.tgz")) == []


def test_an_archive_changed_on_disk_is_downloaded_anew(tmp_path: Path, server: ChartServer) -> None:
    poll = polled(Charts(tmp_path), server)
    archive = next(tmp_path.rglob("*.tgz"))
    archive.write_bytes(OTHER)
    charts = Charts(tmp_path)

    with pytest.raises(SourceError, match="was changed on disk"):
        charts.tree(source(server), poll.tips[RANGE]).entry("Chart.yaml")
    polled(charts, server)
    assert charts.tree(source(server), poll.tips[RANGE]).entry("Chart.yaml") is not None


def test_another_version_that_is_needed_comes_with_the_next_poll(tmp_path: Path, server: ChartServer) -> None:
    old = ChartRef(name="podinfo", version="6.5.3")
    revision = polled(Charts(tmp_path / "a"), server, old).tips[old]
    charts = Charts(tmp_path / "b")

    assert not charts.require(source(server), revision)
    polled(charts, server)
    assert charts.require(source(server), revision)
    assert charts.revision(source(server), RANGE, revision).short == "podinfo-6.5.3"


def test_a_version_that_cannot_be_had_any_more_is_said(charts: Charts, server: ChartServer) -> None:
    revision = f"podinfo-1.0.0@sha256:{'0' * 64}"
    charts.require(source(server), revision)
    polled(charts, server)

    with pytest.raises(SourceError, match=r"podinfo-1\.0\.0 cannot be had any more"):
        charts.require(source(server), revision)


@pytest.mark.parametrize("text", ["6.5.3", "podinfo-6.5.3", "~6.5.0 <6.5.4"])
def test_a_user_names_a_version(charts: Charts, server: ChartServer, text: str) -> None:
    revision = charts.find(source(server), RANGE, ChartAccess(url=server.url), text)

    assert revision.short == "podinfo-6.5.3"
    assert charts.find(source(server), RANGE, ChartAccess(url=server.url), revision.commit).commit == revision.commit


def test_old_archives_go_and_what_is_followed_stays(charts: Charts, server: ChartServer, tmp_path: Path) -> None:
    polled(charts, server, RANGE, EXACT)
    for patch in range(5, 40):
        server.publish("podinfo", f"6.5.{patch}")
        polled(charts, server, RANGE, EXACT)

    assert len(list(tmp_path.rglob("*.tgz"))) == 32
    assert charts.resolve(source(server), EXACT).short == "podinfo-6.5.4"
    assert charts.resolve(source(server), RANGE).short == "podinfo-6.5.39"


@pytest.mark.parametrize("first", [True, False], ids=["read first", "read last"])
def test_a_repository_cannot_put_an_archive_in_place_of_that_of_another(
    charts: Charts, server: ChartServer, *, first: bool
) -> None:
    digest = server.publish("podinfo", "6.5.4")
    with serving() as evil:
        evil.publish("podinfo", "6.5.4", OTHER, digest=digest.removeprefix("sha256:"))
        good = None if first else polled(charts, server)
        error = polled(charts, evil).errors[RANGE]
        good = good or polled(charts, server)

    assert error.reason == "ChartDigestMismatch"
    assert digest_of(good.tips[RANGE]) == digest
    assert charts.tree(source(server), good.tips[RANGE]).entry("templates") is None


def test_a_forgotten_repository_leaves_nothing(charts: Charts, server: ChartServer, tmp_path: Path) -> None:
    polled(charts, server)
    charts.forget(source(server))

    assert list(tmp_path.iterdir()) == []


LOCKED = ChartRef(name="podinfo", version="6.5.3", once="lock")
CHOSEN = ChartRef(name="podinfo", version="~6.5", once="a" * 40)


def test_a_choice_for_good_is_read_once_and_survives_other_polls(tmp_path: Path, server: ChartServer) -> None:
    charts = Charts(tmp_path)
    first = polled(charts, server, LOCKED, CHOSEN)
    server.publish("podinfo", "6.5.5")
    asked = len(server.seen)

    assert polled(charts, server, LOCKED, CHOSEN).tips == first.tips
    assert len(server.seen) == asked
    assert polled(charts, server, RANGE).names[RANGE] == "6.5.5"

    later = Charts(tmp_path)
    polled(later, server, RANGE)
    assert later.resolve(source(server), CHOSEN).short == "podinfo-6.5.4"
    other = ChartRef(name="podinfo", version="~6.5", once="b" * 40)
    assert polled(later, server, other).names[other] == "6.5.5"


def test_without_a_cache_a_choice_for_good_is_that_of_the_status(tmp_path: Path, server: ChartServer) -> None:
    digest = digest_of(polled(Charts(tmp_path / "one"), server, LOCKED).tips[LOCKED])
    at = datetime(2026, 11, 3, tzinfo=UTC)
    recorded = ChartLock(name="podinfo", range="~6.5", version="6.5.3", digest=digest, resolved_at=at, once="a" * 40)
    charts = Charts(tmp_path / "two")

    assert polled(charts, server, CHOSEN, locks=(recorded,)).names[CHOSEN] == "6.5.3"
    server.publish("podinfo", "6.5.3", OTHER)
    error = polled(Charts(tmp_path / "three"), server, CHOSEN, locks=(recorded,)).errors[CHOSEN]
    assert error.reason == "ChartRepublished"
