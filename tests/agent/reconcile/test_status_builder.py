from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gitops_agent.agent.reconcile.outcome import ObjectIssue, ReconcileOutcome, SyncStatus
from gitops_agent.agent.reconcile.status_builder import ready, status
from gitops_agent.agent.reconcile.transitions import transitions
from gitops_agent.errors import Invalid, RenderError, SourceError
from gitops_agent.events.event import EventType
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.planning.policy import Approval
from gitops_agent.sync.windows import Closed

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
SHOP = AppKey("gitops-system", "shop")
WEB = ObjectKey("apps", "Deployment", "shop", "web")
HEALTHY = Health(Status.HEALTHY)


def revision(commit: str = "a" * 40) -> Revision:
    return Revision(
        repository="https://git.example.com/r.git", ref="main", commit=commit, author="Ada <ada@example.com>", subject="bump"
    )


def synced(commit: str = "a" * 40, **more: object) -> ReconcileOutcome:
    facts: dict[str, object] = {
        "revision": revision(commit),
        "applied": commit,
        "plan": "p1",
        "sync": SyncStatus.SYNCED,
        "health": HEALTHY,
        "total": 3,
        "synced": 3,
    }
    return ReconcileOutcome(**(facts | more))  # type: ignore[arg-type]


def failing(**more: object) -> ReconcileOutcome:
    facts: dict[str, object] = {
        "revision": revision("b" * 40),
        "applied": "a" * 40,
        "plan": "p2",
        "sync": SyncStatus.OUT_OF_SYNC,
        "health": HEALTHY,
        "problems": (ObjectIssue(key=WEB, reason="Invalid", message="spec.replicas: must be a number"),),
    }
    return ReconcileOutcome(**(facts | more))  # type: ignore[arg-type]


def conditions(of: Object) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in of["conditions"]}


def types(before: Object, after: Object, view: ReconcileOutcome) -> list[EventType]:
    return [event.type for event in transitions(before, after, application=SHOP, outcome=view, now=NOW)]


def test_a_synced_and_healthy_application_is_ready() -> None:
    after = status({}, synced(), generation=2, now=NOW)

    assert conditions(after) == {"Ready": ("True", "Synced"), "Synced": ("True", "Synced"), "Healthy": ("True", "Healthy")}
    assert after["observedGeneration"] == 2


def test_nothing_changes_with_the_clock_alone() -> None:
    first = status({}, synced(), generation=1, now=NOW)

    assert status(first, synced(), generation=1, now=LATER) == first


def test_the_revision_in_sync_is_what_is_applied_and_not_what_was_seen() -> None:
    after = status({}, failing(), generation=1, now=NOW)

    assert after["sync"]["revision"] == "a" * 40
    assert after["source"]["revision"] == "b" * 40


def test_a_progressing_application_is_reconciling_and_neither_ready_nor_failed() -> None:
    view = synced(
        health=Health(Status.PROGRESSING, "Progressing", "1 of 2"),
        problems=(ObjectIssue(key=WEB, reason="Progressing", message="1 of 2"),),
    )

    after = conditions(status({}, view, generation=1, now=NOW))

    assert after["Ready"] == ("Unknown", "Progressing")
    assert after["Reconciling"][0] == "True"
    assert after["Synced"] == ("True", "Synced")


def test_a_spec_that_cannot_be_followed_stalls() -> None:
    view = ReconcileOutcome(error=SourceError("spec.sync.interval: bad", reason="InvalidSpec"))

    after = conditions(status({}, view, generation=1, now=NOW))

    assert after["Stalled"] == ("True", "InvalidSpec")
    assert "Reconciling" not in after


def test_a_pause_is_reported_as_such() -> None:
    after = status({}, synced(suspended="paused until noon: incident"), generation=1, now=NOW)

    ready = next(c for c in after["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"], ready["message"]) == ("Unknown", "Suspended", "paused until noon: incident")


def test_an_unreachable_repository_keeps_what_is_applied() -> None:
    view = synced(unavailable_since=NOW, source_error=SourceError("no route to host", reason="SourceUnavailable"))

    after = status({}, view, generation=1, now=LATER)

    assert after["source"]["unavailableSince"] == "2026-05-04T12:00:00Z"
    assert conditions(after)["Ready"] == ("True", "Synced")


def test_history_has_one_entry_for_each_sync_newest_first_and_at_most_twenty() -> None:
    before: Object = {}
    for n in range(25):
        view = synced(f"{n:040d}", plan=f"p{n}")
        before = status(before, view, generation=1, now=NOW)
        before = status(before, view, generation=1, now=LATER)

    assert len(before["history"]) == 20
    assert before["history"][0]["revision"] == f"{24:040d}"


def test_the_same_failure_of_the_same_revision_is_one_entry() -> None:
    first = status({}, failing(), generation=1, now=NOW)

    assert status(first, failing(), generation=1, now=LATER)["history"] == first["history"]


def test_the_first_sync_is_an_edge_and_staying_synced_is_none() -> None:
    view = synced()
    first = status({}, view, generation=1, now=NOW)

    assert types({}, first, view) == [EventType.REVISION_SEEN, EventType.SYNCED]
    assert types(first, status(first, view, generation=1, now=LATER), view) == []


def test_a_failure_is_announced_once_and_again_for_the_next_commit() -> None:
    good = status({}, synced(), generation=1, now=NOW)
    bad = status(good, failing(), generation=1, now=NOW)
    again = status(bad, failing(), generation=1, now=LATER)
    other = failing(revision=revision("c" * 40))
    third = status(again, other, generation=1, now=LATER)

    assert EventType.SYNC_FAILED in types(good, bad, failing())
    assert types(bad, again, failing()) == []
    assert EventType.SYNC_FAILED in types(again, third, other)


def test_degraded_and_recovered_are_two_edges() -> None:
    broken = synced(
        health=Health(Status.DEGRADED, "CrashLoop", "exit 1"),
        problems=(ObjectIssue(key=WEB, reason="Degraded", message="exit 1"),),
    )
    good = status({}, synced(), generation=1, now=NOW)
    bad = status(good, broken, generation=1, now=NOW)
    healed = status(bad, synced(), generation=1, now=LATER)

    assert types(good, bad, broken) == [EventType.DEGRADED]
    assert types(bad, healed, synced()) == [EventType.RECOVERED]


def test_an_application_that_recovers_by_way_of_progress_is_announced_as_recovered() -> None:
    def unwell(status: Status, commit: str = "a" * 40) -> ReconcileOutcome:
        return synced(commit, health=Health(status), problems=(ObjectIssue(key=WEB, reason=status.value, message="exit 1"),))

    reported: list[EventType] = []
    before: Object = {}
    for view in (
        synced(),
        unwell(Status.DEGRADED),
        unwell(Status.PROGRESSING),
        unwell(Status.DEGRADED),
        unwell(Status.PROGRESSING, "b" * 40),
        unwell(Status.DEGRADED, "b" * 40),
        unwell(Status.MISSING, "b" * 40),
        synced("b" * 40),
        synced("b" * 40),
    ):
        after = status(before, view, generation=1, now=NOW)
        reported += [kind for kind in types(before, after, view) if kind in (EventType.DEGRADED, EventType.RECOVERED)]
        before = after

    assert reported == [EventType.DEGRADED, EventType.DEGRADED, EventType.RECOVERED]


def test_a_held_plan_is_announced_once_for_each_hash() -> None:
    held = failing(held="7 deletions, 5 are allowed", problems=())
    good = status({}, synced(), generation=1, now=NOW)
    first = status(good, held, generation=1, now=NOW)
    other = failing(held="8 deletions, 5 are allowed", plan="p3", problems=())
    second = status(first, other, generation=1, now=NOW)

    assert EventType.HELD in types(good, first, held)
    assert EventType.SYNC_FAILED not in types(good, first, held)
    assert EventType.HELD in types(first, second, other)


def test_a_source_that_goes_away_and_comes_back_is_two_edges() -> None:
    away = synced(unavailable_since=NOW, source_error=SourceError("timed out"))
    good = status({}, synced(), generation=1, now=NOW)
    gone = status(good, away, generation=1, now=NOW)
    back = status(gone, synced(), generation=1, now=LATER)

    assert types(good, gone, away) == [EventType.SOURCE_UNAVAILABLE]
    assert types(gone, back, synced()) == [EventType.SOURCE_RECOVERED]


def test_a_render_error_is_the_reason_of_everything() -> None:
    view = failing(error=RenderError("apps/web.yaml: line 3: bad indentation", reason="InvalidManifest"), problems=())

    after = conditions(status({}, view, generation=1, now=NOW))

    assert after["Ready"] == ("False", "InvalidManifest")


def test_texts_are_cut_to_what_a_status_can_hold() -> None:
    view = failing(error=Invalid("x" * 5000))

    after = status({}, view, generation=1, now=NOW)

    assert all(len(c["message"]) <= 500 for c in after["conditions"])


def test_a_failure_is_reported_before_what_waits_for_it() -> None:
    failed = ObjectIssue(key=WEB, reason="Invalid", message="port 70000 is none")
    waits = ObjectIssue(key=WEB, reason="WaitingFor", message="waits for something")
    view = synced(sync=SyncStatus.OUT_OF_SYNC, waiting="something waits", problems=(waits, failed))

    state, reason, message = ready(view)

    assert (state, reason) == (False, "Invalid")
    assert "70000" in message


def test_a_deleted_object_that_is_not_repaired_is_reported_as_missing() -> None:
    deleted = ObjectIssue(key=WEB, reason="Missing", message="it was deleted by another writer")
    view = synced(sync=SyncStatus.OUT_OF_SYNC, drifted=1, problems=(deleted,))

    assert ready(view) == (False, "Missing", f"aaaaaaaaaaaa: {WEB}: it was deleted by another writer")


def test_a_deletion_that_has_no_commit_is_reported_without_one() -> None:
    gone = synced(
        revision=Revision(repository="", ref="", commit=""), sync=SyncStatus.OUT_OF_SYNC, waiting="10 objects to be gone"
    )
    failed = ObjectIssue(key=WEB, reason="Forbidden", message="no")

    assert ready(gone)[2] == "10 objects to be gone"
    assert ready(replace(gone, problems=(failed,)))[2] == f"{WEB}: no"


def test_an_unknown_kind_is_a_wait() -> None:
    problem = ObjectIssue(key=WEB, reason="UnknownKind", message="no such kind")
    view = synced(sync=SyncStatus.OUT_OF_SYNC, waiting="a kind to come", problems=(problem,))

    assert ready(view)[:2] == (False, "WaitingFor")


def test_what_is_left_out_is_counted_and_named() -> None:
    after = status({}, synced(left_out=1, warnings=("batch/Job:shop/migrate in a.yaml: it is not run",)), generation=1, now=NOW)

    ready_ = next(c for c in after["conditions"] if c["type"] == "Ready")
    assert ready_["message"] == "aaaaaaaaaaaa is applied: 3 objects, 1 left out"
    assert after["warnings"] == ["batch/Job:shop/migrate in a.yaml: it is not run"]
    assert (after["resources"]["total"], after["resources"]["leftOut"]) == (3, 1)


def test_an_object_that_is_left_behind_is_counted_and_named_and_is_no_failure() -> None:
    problem = ObjectIssue(key=WEB, reason="PruningOff", message="it is no longer declared, but pruning is switched off")
    after = status({}, synced(problems=(problem,)), generation=1, now=NOW)

    assert ready(synced(problems=(problem,))) == (True, "Synced", "aaaaaaaaaaaa is applied: 3 objects, 1 left behind")
    assert [entry["reason"] for entry in after["resources"]["problems"]] == ["PruningOff"]
    assert after["health"]["reasons"] == []


def test_a_revision_without_objects_says_so() -> None:
    after = status({}, synced(total=0, synced=0), generation=1, now=NOW)

    assert (
        next(c for c in after["conditions"] if c["type"] == "Ready")["message"]
        == "aaaaaaaaaaaa is applied: it declares no object"
    )


def test_what_is_suspended_is_named() -> None:
    resting = Health(Status.SUSPENDED, "Suspended", "batch/CronJob:shop/nightly: spec.suspend is set")

    assert ready(synced(health=resting)) == (
        True,
        "Synced",
        "aaaaaaaaaaaa is applied: 3 objects; suspended: batch/CronJob:shop/nightly: spec.suspend is set",
    )


APPROVED = Approval(hash="p1" * 32, content="c", deletions=frozenset(), by="ada", via="annotation")


def test_an_approval_stands_in_the_status_and_in_the_history_of_the_sync_that_needed_it() -> None:
    held = status({}, synced(sync=SyncStatus.OUT_OF_SYNC, held="7 deletions"), generation=1, now=NOW)
    ran = status(held, synced(approved=APPROVED, plan="p2"), generation=1, now=LATER)

    assert ran["sync"]["approved"] == {"hash": APPROVED.hash, "by": "ada", "via": "annotation", "at": "2026-05-04T12:05:00Z"}
    assert [(e["result"], e.get("approved"), e.get("approver")) for e in ran["history"]] == [
        ("Synced", APPROVED.hash, "ada"),
        ("HeldForApproval", None, None),
    ]


def test_an_approval_keeps_its_date_and_belongs_to_one_sync() -> None:
    ran = status({}, synced(approved=APPROVED), generation=1, now=NOW)
    later = status(ran, synced("b" * 40, plan="p9"), generation=1, now=LATER)

    assert later["sync"]["approved"] == ran["sync"]["approved"]
    assert [entry.get("approved") for entry in later["history"]] == [None, APPROVED.hash]


WINDOW = Closed(opens=NOW + timedelta(hours=10), until=NOW + timedelta(hours=10), windows="allow 0 22 * * * for 1h, UTC")


def test_what_waits_for_a_window_says_when_it_opens_and_is_no_failure() -> None:
    drifted = (ObjectIssue(key=WEB, reason="Drifted", message="a declared field was changed by another writer"),)

    after = status({}, failing(problems=drifted, window=WINDOW), generation=1, now=NOW)

    words = "bbbbbbbbbbbb: waits for the window that opens at 2026-05-04T22:00+00:00 (allow 0 22 * * * for 1h, UTC)"
    assert (conditions(after)["Ready"], after["conditions"][0]["message"]) == (("False", "WindowClosed"), words)
    assert after["sync"]["window"] == {"opensAt": "2026-05-04T22:00:00Z", "closedBy": "allow 0 22 * * * for 1h, UTC"}
    assert after["history"] == []
    assert types({}, after, failing(window=WINDOW)) == [EventType.REVISION_SEEN, EventType.WINDOW_CLOSED]
    assert status(after, failing(problems=drifted, window=WINDOW), generation=1, now=LATER) == after


def test_a_held_plan_is_held_in_a_closed_window_too() -> None:
    assert ready(failing(held="8 objects would go", window=WINDOW))[1] == "HeldForApproval"


def test_a_window_without_an_opening_in_sight_has_no_time() -> None:
    endless = replace(WINDOW, opens=None)

    after = status({}, failing(window=endless), generation=1, now=NOW)

    assert after["sync"]["window"] == {"closedBy": "allow 0 22 * * * for 1h, UTC"}
    assert "none opens in sight" in ready(failing(window=endless))[2]
