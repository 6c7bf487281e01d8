from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitops_agent.agent.desired.declared_state import DeclaredState
from gitops_agent.agent.desired.source_state import SourceState
from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.apply_result import ApplyResult
from gitops_agent.agent.reconcile.health_assessor import HealthReport
from gitops_agent.agent.reconcile.outcome import ObjectIssue, ReconcileOutcome, Requeue, SyncStatus
from gitops_agent.agent.reconcile.outcome_builder import Findings, build_outcome, merge, retry_after
from gitops_agent.agent.rollouts.rollout_pass import RolloutResult
from gitops_agent.agent.rollouts.summary import RolloutSummary
from gitops_agent.agent.work_queue import Priority
from gitops_agent.errors import AgentError, Conflict, RenderError, SourceError, Throttled
from gitops_agent.sync.health import Health, Status
from tests.agent.samples import application
from tests.sync.samples import REVISION, key, thing, wanted

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
DESIRED = wanted(thing("ConfigMap", "one"), thing("ConfigMap", "two"))
DECLARED = DeclaredState(source=SourceState(polled=True), revision=REVISION, desired=DESIRED)
STILL = RolloutResult(desired=DESIRED)
APPLIED = ApplyResult(synced=True, in_sync=2)
HEALTHY = HealthReport(Health(Status.HEALTHY))
ONE = ObjectIssue(key=key("ConfigMap", "one"), reason="Forbidden", message="no")
WAIT = Requeue(reason="a wait is checked again", delay=30.0)


def rollout(**fields: Any) -> RolloutSummary:
    facts: dict[str, Any] = {"running": True, "failed": False, "waits": False, "phase": "Step", "weight": 10, "message": ""}
    return RolloutSummary(policy=key("ConfigMap", "p"), workload=key("Deployment", "web"), **facts | fields)


def remembered(**fields: Any) -> ApplicationState:
    facts: dict[str, Any] = {"desired": DESIRED, "target": REVISION.commit} | fields
    return ApplicationState(**facts)


def built(
    declared: DeclaredState = DECLARED, state: ApplicationState | None = None, *, spec: Any = None, **overrides: Any
) -> ReconcileOutcome:
    facts: dict[str, Any] = {"suspended": False, "rollouts": STILL, "applied": APPLIED, "health": HEALTHY} | overrides
    findings = Findings(application=application(**(spec or {})), now=NOON, **facts)
    return build_outcome(findings, declared, state or remembered())


def test_what_is_applied_and_healthy_is_synced_and_needs_no_other_reconcile() -> None:
    outcome = built()

    assert (outcome.sync, outcome.applied, outcome.total, outcome.synced) == (SyncStatus.SYNCED, REVISION.commit, 2, 2)
    assert (outcome.requeue, outcome.recovered, outcome.provisional) == ((), True, False)


def test_building_an_outcome_changes_nothing_that_is_remembered() -> None:
    state, same = remembered(), remembered()
    same.status.seen = state.status.seen

    built(state=state)

    assert state == same


def test_before_the_first_render_nothing_is_known_and_that_is_provisional() -> None:
    pending = DeclaredState(source=SourceState(polled=True), revision=REVISION, pending="it is being rendered")
    outcome = built(pending, ApplicationState(), applied=None, health=None, rollouts=RolloutResult(desired=None))

    assert (outcome.sync, outcome.waiting, outcome.provisional) == (SyncStatus.UNKNOWN, "it is being rendered", True)
    assert outcome.requeue == ()  # the render wakes it


def test_what_was_applied_before_stays_known_until_the_new_commit_is() -> None:
    behind = ApplyResult(synced=False, in_sync=1)

    assert built(state=remembered(applied="b" * 40), applied=behind).applied == "b" * 40
    state = remembered()
    state.status.written = {"sync": {"revision": "a" * 40}}
    assert built(state=state, applied=behind).applied == "a" * 40


def test_a_rollout_under_way_is_not_synced_though_everything_is_applied() -> None:
    running = RolloutResult(desired=DESIRED, views=(rollout(),), again=7.0)
    outcome = built(rollouts=running)

    assert (outcome.sync, outcome.recovered) == (SyncStatus.OUT_OF_SYNC, True)
    assert outcome.requeue == (Requeue(reason="its rollout continues", delay=7.0),)


def test_a_rollout_is_stepped_again_after_a_write_whose_event_tells_nothing_new() -> None:
    pending = RolloutResult(desired=DESIRED, views=(rollout(phase="Pending"),))
    again = Requeue(reason="a rollout looks at what was written")

    assert built(rollouts=pending, applied=ApplyResult(advanced=True)).requeue == (again,)
    assert built(rollouts=pending, applied=ApplyResult()).requeue == ()
    assert built(applied=ApplyResult(advanced=True)).requeue == ()


def test_a_rollout_that_was_rolled_back_is_not_synced() -> None:
    failed = RolloutResult(desired=DESIRED, views=(rollout(running=False, failed=True),))

    assert built(rollouts=failed).sync is SyncStatus.OUT_OF_SYNC


def test_a_commit_held_before_its_rollout_is_held() -> None:
    held = RolloutResult(desired=DESIRED, held="7 objects would go")

    assert built(rollouts=held).held == "7 objects would go"
    assert built(applied=ApplyResult(held="9 objects would go")).held == "9 objects would go"


def test_failures_are_retried_with_backoff_and_end_no_backoff() -> None:
    outcome = built(applied=ApplyResult(problems=(ONE,), retry=12.0))

    assert outcome.requeue == (Requeue(reason="retry of what failed", delay=12.0, backoff=True),)
    assert not outcome.recovered


def test_an_advance_beside_a_failure_ends_the_backoff() -> None:
    outcome = built(applied=ApplyResult(retry=0.0, advanced=True))

    assert outcome.recovered
    assert outcome.requeue[0].backoff


def test_unhealthy_objects_follow_the_failures_and_are_named_once() -> None:
    sick = ObjectIssue(key=key("ConfigMap", "two"), reason="Degraded", message="it broke")
    report = HealthReport(Health(Status.DEGRADED), (ObjectIssue(key=ONE.key, reason="Missing", message=""), sick), 4.0)
    outcome = built(applied=ApplyResult(problems=(ONE,)), health=report)

    assert outcome.problems == (ONE, sick)
    assert outcome.unhealthy == 1
    assert Requeue(reason="health is checked again", delay=4.0) in outcome.requeue


def test_a_wait_has_a_backstop() -> None:
    assert built(applied=ApplyResult(waiting="ConfigMap:shop/one waits for its CRD")).requeue == (WAIT,)
    assert built(applied=None, waiting="Application shop to be ready").requeue == (WAIT,)


def test_a_fight_is_reconciled_again_when_it_may_be_over() -> None:
    assert built(applied=ApplyResult(again=61.0)).requeue == (Requeue(reason="a fight may be over", delay=61.0),)


def test_a_pause_ends_by_itself_and_health_is_not_asked_meanwhile() -> None:
    spec = {"suspend": {"until": "2026-05-04T12:10:00Z", "reason": "incident 4711"}}
    outcome = built(spec=spec, suspended=True, health=HealthReport(Health(Status.PROGRESSING), (), 4.0))

    assert outcome.suspended == "paused until 2026-05-04T12:10:00Z: incident 4711"
    assert outcome.requeue == (Requeue(reason="a pause ended", at=NOON + timedelta(minutes=10), priority=Priority.COMMIT),)


def test_mode_observe_is_said() -> None:
    assert built(spec={"sync": {"mode": "observe"}}).observing


def test_the_error_of_a_commit_is_the_error_of_the_outcome() -> None:
    error = RenderError("no", reason="InvalidManifest")
    broken = DeclaredState(source=SourceState(polled=True), revision=REVISION, error=error)
    outcome = built(broken)

    assert (outcome.error, outcome.sync, outcome.recovered) == (error, SyncStatus.OUT_OF_SYNC, False)


def test_an_unavailable_repository_is_said_beside_what_is_applied() -> None:
    away = SourceError("away")
    outcome = built(DeclaredState(source=SourceState(polled=True, error=away, since=NOON), revision=REVISION, desired=DESIRED))

    assert (outcome.source_error, outcome.unavailable_since, outcome.sync) == (away, NOON, SyncStatus.SYNCED)


@pytest.mark.parametrize(
    ("rollouts", "pending", "error"),
    [
        (RolloutResult(desired=None, pending="being listed"), "being listed", None),
        (RolloutResult(desired=None, error=AgentError("refused")), "", "refused"),
    ],
    ids=["pending", "error"],
)
def test_without_the_rollouts_word_a_commit_is_not_applied(rollouts: RolloutResult, pending: str, error: str | None) -> None:
    merged = merge(DECLARED, rollouts)

    assert (merged.desired, merged.pending) == (None, pending)
    assert (str(merged.error) if merged.error else None) == error


def test_with_the_rollouts_word_a_commit_stays_what_it_is() -> None:
    assert merge(DECLARED, STILL) is DECLARED


def test_a_conflict_is_retried_at_once_without_the_backoff_of_earlier_failures() -> None:
    retry = retry_after(Conflict("the finalizers changed meanwhile", status=409))

    assert (retry.backoff, retry.delay <= 1) == (False, True)


def test_another_error_is_retried_with_growing_pauses_and_the_patience_that_it_asks_for() -> None:
    retry = retry_after(Throttled("too many requests", retry_after=7.0))

    assert (retry.backoff, retry.delay) == (True, 7.0)


def test_a_commit_is_synced_once_its_rollout_is_promoted_though_old_pods_are_kept() -> None:
    kept = RolloutResult(desired=DESIRED, views=(rollout(phase="Promote", promoted=True),))

    assert built(rollouts=kept).sync is SyncStatus.SYNCED
