from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gitops_agent.agent.reconcile.outcome import ReconcileOutcome
from gitops_agent.agent.reconcile.status_builder import status
from gitops_agent.agent.reconcile.status_writer import quiet
from gitops_agent.agent.reconcile.transitions import transitions
from gitops_agent.errors import SourceError
from gitops_agent.events.event import Event, EventType
from gitops_agent.manifest.key import Object
from gitops_agent.source.signature.judgement import Judgement, UnverifiedCommit, Verified
from tests.agent.reconcile.test_status_builder import LATER, NOW, SHOP, conditions, revision, synced

GOOD, BAD = "a" * 40, "b" * 40
AT = datetime(2026, 5, 1, tzinfo=UTC)
VERIFIED = Verified(revision=GOOD, ref="branch main", signer="Ada", key="A" * 40, kind="OpenPGP", at=AT)
ACCEPTED = Judgement(commit=GOOD, verified=VERIFIED)
REFUSED = Judgement(
    commit=GOOD,
    verified=VERIFIED,
    reason="Unverified",
    message="bbb is not signed; main stays at aaa",
    count=1,
    unverified=(UnverifiedCommit(commit=BAD, author="Li", reason="is not signed"),),
    stop=revision(BAD),
)


def written(before: Object, outcome: ReconcileOutcome, *, now: datetime = NOW) -> Object:
    return status(before, outcome, generation=1, now=now)


def edges(before: Object, after: Object, outcome: ReconcileOutcome) -> list[Event]:
    return list(transitions(before, after, application=SHOP, outcome=outcome, now=NOW))


def test_a_verified_commit_stands_in_the_status_with_its_signer() -> None:
    after = written({}, synced(judgement=ACCEPTED))

    assert after["source"]["verified"] == {
        "revision": GOOD,
        "ref": "branch main",
        "signer": "Ada",
        "key": "A" * 40,
        "kind": "OpenPGP",
        "at": "2026-05-01T00:00:00Z",
    }
    assert conditions(after)["Verified"] == ("True", "Verified")
    assert conditions(after)["Ready"] == ("True", "Synced")


def test_an_unverified_tip_is_not_ready_while_the_verified_commit_is_synced() -> None:
    outcome = synced(judgement=REFUSED)

    after = written(written({}, synced(judgement=ACCEPTED)), outcome)

    assert conditions(after)["Ready"] == conditions(after)["Verified"] == ("False", "Unverified")
    assert conditions(after)["Synced"] == ("True", "Synced")
    assert after["sync"]["revision"] == GOOD
    assert after["source"]["unverified"] == {
        "count": 1,
        "commits": [{"commit": BAD, "author": "Li", "reason": "is not signed"}],
    }


def test_a_refused_commit_is_one_event_about_that_commit() -> None:
    outcome = synced(judgement=REFUSED)
    before = written({}, synced(judgement=ACCEPTED))
    after = written(before, outcome)

    (event,) = edges(before, after, outcome)

    assert (event.type, event.reason, event.message) == (EventType.UNVERIFIED, "Unverified", REFUSED.message)
    assert event.revision == revision(BAD)
    assert event.facts["commit"] == BAD
    assert edges(after, after, outcome) == []


def test_a_removed_signer_is_one_event_and_takes_nothing_down() -> None:
    outcome = synced(judgement=replace(ACCEPTED, removed="what runs is signed by a revoked key"))
    before = written({}, synced(judgement=ACCEPTED))
    after = written(before, outcome)

    assert conditions(after)["Ready"] == ("True", "Synced")
    assert conditions(after)["SignerRemoved"] == ("True", "SignerRemoved")
    assert [event.type for event in edges(before, after, outcome)] == [EventType.SIGNER_REMOVED]
    again = written(after, synced(judgement=ACCEPTED))
    assert conditions(again)["SignerRemoved"] == ("False", "Verified")


def test_without_any_verified_commit_the_reason_is_not_a_fetch() -> None:
    outcome = ReconcileOutcome(judgement=replace(REFUSED, commit="", verified=None))

    after = written({}, outcome)

    assert conditions(after)["Ready"] == conditions(after)["Synced"] == ("False", "Unverified")


def test_an_error_and_a_judgement_under_way_keep_what_was_verified() -> None:
    before = written({}, synced(judgement=REFUSED))

    for outcome in (synced(), ReconcileOutcome(error=SourceError("the disk is full"))):
        after = written(before, outcome, now=LATER)
        assert after["source"]["verified"] == before["source"]["verified"]
        assert after["source"]["unverified"] == before["source"]["unverified"]


def test_without_a_demand_nothing_of_signatures_is_left() -> None:
    after = written(written({}, synced(judgement=REFUSED)), synced(demanded=False))

    assert not {"verified", "unverified"} & after["source"].keys()
    assert "Verified" not in conditions(after)
    assert conditions(after)["Ready"] == ("True", "Synced")


def test_another_verified_commit_alone_writes_no_status() -> None:
    before = written({}, synced(judgement=ACCEPTED))
    newer = replace(ACCEPTED, commit=BAD, verified=replace(VERIFIED, revision=BAD, signer="Li"))

    assert quiet(before, written(before, synced(BAD, judgement=newer)))
    assert not quiet(before, written(before, synced(judgement=REFUSED)))
