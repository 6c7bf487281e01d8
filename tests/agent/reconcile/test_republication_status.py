from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from gitops_agent.agent.reconcile.outcome import ReconcileOutcome
from gitops_agent.agent.reconcile.planner import PlanMemo
from gitops_agent.agent.reconcile.republication_status import note_acceptance
from gitops_agent.agent.reconcile.status_builder import status
from gitops_agent.agent.reconcile.transitions import transitions
from gitops_agent.errors import SourceError
from gitops_agent.events.event import EventType
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import APPROVED, APPROVED_BY
from gitops_agent.revision.revision import ChartRevision
from gitops_agent.source.chart.republication import Republication
from tests.agent.reconcile.test_status_builder import LATER, NOW, SHOP, conditions, revision, synced
from tests.agent.samples import application

CHANGE = Republication(
    repository="https://charts.example.com", name="podinfo", version="6.5.4", before="sha256:aa", digest="sha256:bb"
)
CHART = ChartRevision(
    repository=CHANGE.repository,
    name="podinfo",
    version="6.5.4",
    digest="sha256:aa",
    range="~6.5",
    resolved_at=datetime(2026, 5, 1, tzinfo=UTC),
)
FOLLOWED = replace(revision(), chart=CHART)


def waits() -> ReconcileOutcome:
    error = SourceError("podinfo 6.5.4 was aa and is bb now; held (plan …)", reason="ChartRepublished")
    error.facts |= CHANGE.to_json()
    return synced(revision=FOLLOWED, source_error=error)


def written(before: Object, outcome: ReconcileOutcome) -> Object:
    return status(before, outcome, generation=1, now=NOW)


def test_a_republished_chart_waits_while_what_was_followed_is_synced() -> None:
    after = written({}, waits())

    assert conditions(after)["Ready"] == ("False", "ChartRepublished")
    assert conditions(after)["Synced"] == ("True", "Synced")
    assert after["source"]["republished"] == {**CHANGE.to_json()}
    assert "unavailableSince" not in after["source"]


def test_a_republished_chart_is_one_event_with_the_hash_that_accepts_it() -> None:
    before, after = written({}, synced(revision=FOLLOWED)), written({}, waits())

    (event,) = transitions(before, after, application=SHOP, outcome=waits(), now=NOW)

    assert (event.type, event.reason, event.facts["approval"]) == (EventType.HELD, "ChartRepublished", CHANGE.hash)
    assert transitions(after, after, application=SHOP, outcome=waits(), now=NOW) == ()


def test_an_approval_is_recorded_with_its_approver_in_status_and_history() -> None:
    before = written({}, waits())
    claim = {APPROVED: CHANGE.hash, APPROVED_BY: f"{CHANGE.hash} ada"}
    app = application(annotations=claim)
    app = replace(app, status=before)
    plans = PlanMemo()
    note_acceptance(app, FOLLOWED, before, plans)
    newer = replace(FOLLOWED, commit="podinfo-6.5.4@sha256:bb", chart=replace(CHART, digest="sha256:bb"))

    accepted = synced(revision=FOLLOWED, accepted=CHANGE, approved=plans.approved)
    between = written(before, accepted)
    after = status(between, replace(accepted, revision=newer, plan="p2"), generation=1, now=LATER)

    assert between["source"]["accepted"] == CHANGE.to_json()
    assert "republished" not in between["source"]
    assert (between["sync"]["approved"]["hash"], between["sync"]["approved"]["by"]) == (CHANGE.hash, "ada")
    assert (after["history"][0]["approved"], after["history"][0]["approver"]) == (CHANGE.hash, "ada")
    events = transitions(before, between, application=SHOP, outcome=accepted, now=NOW)
    assert EventType.APPROVED in [event.type for event in events]
    again = PlanMemo()
    note_acceptance(app, newer, between, again)
    assert again.approved is None


def test_what_was_accepted_outlives_errors_and_goes_with_its_chart() -> None:
    before = written({}, synced(revision=FOLLOWED, accepted=CHANGE))

    assert written(before, ReconcileOutcome(error=SourceError("down")))["source"]["accepted"] == CHANGE.to_json()
    other = replace(FOLLOWED, chart=replace(CHART, name="other"))
    assert "accepted" not in written(before, synced(revision=other))["source"]


def test_what_waits_stays_known_while_the_repository_is_read_for_the_first_time() -> None:
    before = written({}, waits())

    assert written(before, ReconcileOutcome())["source"]["republished"]["approval"] == CHANGE.hash
    assert "republished" not in written(before, synced(revision=FOLLOWED))["source"]
