from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gitops_agent.agent.reconcile.outcome import ObjectIssue, ReconcileOutcome
from gitops_agent.agent.reconcile.transitions import transitions
from gitops_agent.events.event import Event, EventType, Severity
from gitops_agent.manifest.key import AppKey, Object, ObjectKey

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
WEB = ObjectKey("apps", "Deployment", "shop", "web")


def standing(**more: Any) -> Object:
    """A status; conditions as `ready=("True", "Synced", "text")`, the rest as it is."""
    conditions = [
        {"type": kind.title(), "status": words[0], "reason": words[1], "message": words[2]}
        for kind in ("ready", "synced", "healthy", "stalled")
        if (words := more.pop(kind, None))
    ]
    return {"conditions": conditions, **more}


def found(before: Object, after: Object, view: ReconcileOutcome | None = None) -> tuple[Event, ...]:
    return transitions(
        before, after, application=AppKey("gitops-system", "shop"), outcome=view or ReconcileOutcome(plan="p2"), now=NOW
    )


def types(before: Object, after: Object) -> list[EventType]:
    return [event.type for event in found(before, after)]


SYNCED = standing(synced=("True", "Synced", "a is applied"), sync={"revision": "a", "plan": "p1"}, source={"revision": "a"})
HELD = standing(
    synced=("False", "HeldForApproval", "7 deletions"), sync={"revision": "a", "plan": "p2"}, source={"revision": "b"}
)


def test_the_same_status_has_no_edges() -> None:
    assert types(SYNCED, SYNCED) == []
    assert types(HELD, HELD) == []


def test_an_edge_says_whose_when_and_of_which_plan() -> None:
    event = found({}, SYNCED)[-1]

    assert (str(event.application), event.at, event.facts) == ("gitops-system/shop", NOW, {"commit": "a", "plan": "p2"})


def test_what_is_wrong_names_the_objects_and_what_is_well_does_not() -> None:
    view = ReconcileOutcome(
        problems=tuple(ObjectIssue(key=ObjectKey("", "Pod", "shop", f"p{n}"), reason="X", message="x") for n in range(12))
    )
    broken = standing(synced=("False", "ApplyFailed", "refused"), source={"revision": "b"})

    failed = found(SYNCED, broken, view)

    assert [(event.type, len(event.objects)) for event in failed] == [
        (EventType.REVISION_SEEN, 0),
        (EventType.SYNC_FAILED, 10),
    ]


def test_a_long_text_is_cut() -> None:
    stalled = standing(stalled=("True", "InvalidSpec", "x" * 5000))

    assert [len(event.message) for event in found({}, stalled)] == [1000]


def test_an_approved_plan_is_reported_once_although_its_deletions_take_a_while() -> None:
    approved = {"hash": "p2" * 32, "by": "ada", "via": "annotation"}
    waits = standing(
        synced=("False", "WaitingFor", "it is being deleted"),
        sync={"revision": "a", "plan": "p3", "approved": approved},
        source={"revision": "b"},
    )
    done = standing(
        synced=("True", "Synced", "b is applied"),
        sync={"revision": "b", "plan": "p4", "approved": approved},
        source={"revision": "b"},
    )

    first = found(HELD, waits)

    assert [(event.type, event.message) for event in first] == [
        (EventType.APPROVED, "plan p2p2p2p2p2p2 was approved by ada, as its client claims")
    ]
    assert types(waits, done) == [EventType.SYNCED]


@pytest.mark.parametrize(
    ("approved", "words"),
    [
        ({"hash": "h"}, "was approved by its annotation"),
        ({"hash": "h", "by": "commit abc of Ada", "via": "trailer"}, "was approved by commit abc of Ada"),
    ],
)
def test_an_approval_says_where_its_approver_is_known_from(approved: Object, words: str) -> None:
    after = HELD | {"sync": HELD["sync"] | {"approved": approved}}

    assert [event.message for event in found(HELD, after)] == [f"plan h {words}"]


def test_a_held_plan_that_gave_way_to_a_failure_was_not_approved() -> None:
    failed = standing(synced=("False", "RenderFailed", "no"), sync={"revision": "a", "plan": "p2"}, source={"revision": "c"})

    assert types(HELD, failed) == [EventType.REVISION_SEEN, EventType.SYNC_FAILED]


def test_a_commit_that_leaves_the_application_untouched_is_not_announced() -> None:
    after = standing(synced=("True", "Synced", "b is applied"), sync={"revision": "b", "plan": "p1"}, source={"revision": "b"})

    assert types(SYNCED, after) == []


def test_a_pause_and_its_end_are_two_edges() -> None:
    paused = SYNCED | standing(ready=("Unknown", "Suspended", "paused: incident"))
    resumed = SYNCED | standing(ready=("True", "Synced", "a is applied"))

    assert [(event.type, event.message) for event in found(SYNCED, paused)] == [
        (EventType.SUSPENDED, "paused: incident"),
    ]
    assert types(paused, resumed) == [EventType.RESUMED]


def test_a_stalled_application_is_reported_again_only_when_it_stalls_for_another_reason() -> None:
    first = standing(stalled=("True", "InvalidSpec", "one"))
    second = standing(stalled=("True", "InvalidSpec", "two"))

    assert types({}, first) == [EventType.STALLED]
    assert types(first, first) == []
    assert types(first, second) == [EventType.STALLED]


def test_waiting_is_no_failure() -> None:
    for reason in ("Progressing", "WaitingFor", "DependencyNotReady", "Fetching", "Observing"):
        assert types(SYNCED, SYNCED | standing(synced=("False", reason, "not yet"))) == []


def test_progress_is_reported_when_it_begins_and_never_during_a_recovery() -> None:
    healthy, progressing = ({"health": {"status": status}} for status in ("Healthy", "Progressing"))
    degraded = {"health": {"status": "Degraded", "degradedRevision": "a"}}

    assert types(healthy, progressing) == [EventType.PROGRESSING]
    assert types(degraded, progressing) == []
    assert types(progressing, degraded) == [EventType.DEGRADED]


def test_a_recovery_by_way_of_progress_is_reported() -> None:
    degraded, progressing, healthy = (
        {"health": {"status": "Degraded", "degradedRevision": "a"}},
        {"health": {"status": "Progressing", "degradedRevision": "a"}},
        {"health": {"status": "Healthy"}},
    )

    assert types(degraded, healthy) == [EventType.RECOVERED]
    assert types(degraded, progressing) == []
    assert types(progressing, healthy) == [EventType.RECOVERED]


def test_a_crash_loop_that_comes_and_goes_is_reported_once_for_each_commit() -> None:
    progressing = {"health": {"status": "Progressing", "degradedRevision": "a"}}

    assert types(progressing, {"health": {"status": "Degraded", "degradedRevision": "a"}}) == []
    assert types(progressing, {"health": {"status": "Degraded", "degradedRevision": "b"}}) == [EventType.DEGRADED]


def test_the_severity_says_how_much_to_care() -> None:
    severities = {event.type: event.severity for event in found(SYNCED, HELD)}
    degraded = found({}, {"health": {"status": "Degraded", "degradedRevision": "a", "reasons": ["web: exit 1", "api: exit 2"]}})

    assert severities == {EventType.REVISION_SEEN: Severity.INFO, EventType.HELD: Severity.WARNING}
    assert (degraded[0].severity, degraded[0].message) == (Severity.ERROR, "web: exit 1; api: exit 2")


def test_a_status_that_others_wrote_is_no_reason_to_fail() -> None:
    nonsense: Object = {"conditions": ["no mapping", {"type": "Synced"}], "sync": "text", "source": None, "health": []}

    assert types(nonsense, SYNCED) == [EventType.REVISION_SEEN, EventType.SYNCED]
