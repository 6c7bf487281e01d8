from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gitops_agent.agent.reconcile.delivery import DeploymentCounts
from gitops_agent.agent.reconcile.outcome import ObjectIssue, ReconcileOutcome, SyncStatus
from gitops_agent.agent.reconcile.status_builder import status
from gitops_agent.agent.reconcile.status_writer import quiet
from gitops_agent.agent.rollouts.summary import RolloutSummary
from gitops_agent.api.application_status import ApplicationStatus
from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.rollback import Rejection, RollbackState, Version

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
WEB = ObjectKey("apps", "Deployment", "shop", "web")
ONE, TWO, THREE, FOUR = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)
HEALTHY = Health(Status.HEALTHY)
DEGRADED = Health(Status.DEGRADED, "crash loop")
PROGRESSING = Health(Status.PROGRESSING, "0 of 1")


class Recording:
    """The statuses of an Application, as minutes pass."""

    def __init__(self) -> None:
        self.status: Object = {}
        self.committed: dict[str, datetime] = {}

    def at(self, minute: float, commit: str, plan: str, **more: Any) -> Recording:
        """A reconcile so many minutes past noon.

        Its commit was made a minute before the first of it.
        """
        message = more.pop("message", "")
        revision = Revision(
            repository="https://git.example.com/r.git",
            ref="main",
            commit=commit,
            message=message,
            committed_at=self.committed.setdefault(commit, NOON + timedelta(minutes=minute - 1)),
        )
        facts: dict[str, Any] = {
            "revision": revision,
            "applied": commit,
            "plan": plan,
            "sync": SyncStatus.SYNCED,
            "health": HEALTHY,
            "total": 1,
        }
        outcome = ReconcileOutcome(**(facts | more))
        self.status = status(self.status, outcome, generation=1, now=NOON + timedelta(minutes=minute))
        ApplicationStatus.model_validate(self.status)
        return self

    def refused(self, minute: float, commit: str, plan: str, reason: str = "Invalid") -> Recording:
        problem = ObjectIssue(key=WEB, reason=reason, message="spec.replicas: must be a number")
        return self.at(minute, commit, plan, sync=SyncStatus.OUT_OF_SYNC, problems=(problem,))

    @property
    def delivery(self) -> Object:
        return self.status["delivery"]  # type: ignore[no-any-return]

    @property
    def counts(self) -> Object:
        return self.delivery.get("deployments") or {}

    def entry(self, commit: str) -> Object:
        return next(entry for entry in self.status["history"] if entry["revision"] == commit)


@pytest.fixture
def shop() -> Recording:
    """An application that was installed with its first commit."""
    return Recording().at(0, ONE, "p1")


def moment(minute: float) -> str:
    return (NOON + timedelta(minutes=minute)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_installation_is_a_deployment_without_a_lead_time(shop: Recording) -> None:
    assert shop.counts == {"succeeded": 1}
    assert shop.entry(ONE)["live"] == moment(0)
    assert "committedAt" not in shop.entry(ONE)


def test_a_commit_is_live_when_it_is_synced_and_healthy(shop: Recording) -> None:
    shop.at(10, TWO, "p2", health=PROGRESSING)
    assert "live" not in shop.entry(TWO)

    shop.at(12, TWO, "p2")

    assert shop.entry(TWO)["committedAt"] == moment(9)
    assert shop.entry(TWO)["live"] == moment(12)
    assert shop.counts == {"succeeded": 2}


def test_a_commit_that_changes_nothing_is_no_deployment_and_costs_no_write(shop: Recording) -> None:
    before = shop.status

    shop.at(10, TWO, "p1")

    assert shop.delivery == before["delivery"]
    assert quiet(before, shop.status)


def test_time_alone_changes_nothing(shop: Recording) -> None:
    before = shop.status

    assert shop.at(60 * 24 * 40, ONE, "p1").status == before


def test_another_plan_of_the_same_commit_is_the_same_deployment(shop: Recording) -> None:
    shop.at(5, ONE, "p1 without its deletions")

    assert shop.counts == {"succeeded": 1}
    assert shop.at(6, TWO, "p1 without its deletions").counts == {"succeeded": 1}


def test_what_is_degraded_before_it_is_live_failed_and_recovers_with_the_next(shop: Recording) -> None:
    shop.at(10, TWO, "p2", health=PROGRESSING).at(15, TWO, "p2", health=DEGRADED)
    assert shop.counts == {"succeeded": 1, "failed": 1}
    assert shop.delivery["broken"] == moment(15)

    shop.at(40, THREE, "p3")

    assert shop.entry(TWO) | {"failed": moment(15), "failure": "Degraded", "recovered": moment(40)} == shop.entry(TWO)
    assert shop.counts == {"succeeded": 2, "failed": 1, "reworked": 1}
    assert shop.entry(THREE)["rework"] is True
    assert "broken" not in shop.delivery


def test_a_commit_that_is_degraded_while_it_is_applied_keeps_its_failure(shop: Recording) -> None:
    shop.at(10, TWO, "p2", sync=SyncStatus.OUT_OF_SYNC, waiting="apps/Deployment:shop/web", health=DEGRADED)
    assert shop.delivery["revision"] == TWO

    shop.at(20, TWO, "p2")

    assert shop.entry(TWO) | {"failed": moment(10), "recovered": moment(20), "live": moment(20)} == shop.entry(TWO)
    assert shop.counts == {"succeeded": 1, "failed": 1}


@pytest.mark.parametrize(("minutes", "fails"), [(59, True), (61, False)])
def test_what_was_live_fails_within_an_hour(shop: Recording, minutes: float, *, fails: bool) -> None:
    shop.at(10, TWO, "p2").at(10 + minutes, TWO, "p2", health=DEGRADED)

    assert shop.counts == {"succeeded": 2} | ({"regressed": 1} if fails else {})
    assert ("failed" in shop.entry(TWO)) is fails


def test_a_failure_is_counted_once(shop: Recording) -> None:
    shop.at(10, TWO, "p2").at(11, TWO, "p2", health=DEGRADED).at(12, TWO, "p2").at(13, TWO, "p2", health=DEGRADED)

    assert shop.counts == {"succeeded": 2, "regressed": 1}
    assert shop.entry(TWO)["failed"] == moment(11)


def test_a_refused_commit_failed(shop: Recording) -> None:
    shop.refused(10, TWO, "p2")

    assert shop.counts == {"succeeded": 1, "failed": 1}
    assert shop.entry(TWO)["failure"] == "Invalid"


def test_what_passes_by_itself_is_no_failure(shop: Recording) -> None:
    shop.refused(10, TWO, "p2", reason="Throttled").at(11, TWO, "p2")

    assert shop.counts == {"succeeded": 2}


def test_a_commit_that_does_not_render_says_nothing_about_the_one_before(shop: Recording) -> None:
    shop.at(10, TWO, "p1", sync=SyncStatus.OUT_OF_SYNC, applied=ONE, error=RenderError("no such file", reason="RenderFailed"))

    assert shop.counts == {"succeeded": 1}
    assert "failed" not in shop.entry(ONE)


def test_an_automatic_rollback_is_a_failure_of_the_rejected_commit(shop: Recording) -> None:
    first, second = Version(commit=ONE, content="1"), Version(commit=TWO, content="2")
    trial = RollbackState(head="2", on_trial=True, healthy=first)
    rejected = RollbackState(
        head="2", held=True, healthy=first, rejected=(Rejection(commit=TWO, reason="crash loop", at=NOON),)
    )
    shop.at(10, TWO, "p2", health=PROGRESSING, rollback=trial).at(11, TWO, "p2", health=DEGRADED, rollback=trial)
    assert shop.counts == {"succeeded": 1}

    shop.at(12, TWO, "p2", sync=SyncStatus.OUT_OF_SYNC, health=DEGRADED, rollback=rejected)
    assert shop.counts == {"succeeded": 1, "rolledBack": 1}
    shop.at(14, TWO, "p1", sync=SyncStatus.OUT_OF_SYNC, applied=ONE, rollback=rejected)

    assert shop.entry(TWO) | {"failure": "RolledBack", "failed": moment(12), "recovered": moment(14)} == shop.entry(TWO)
    assert second.commit == shop.delivery["revision"]


def test_an_aborted_rollout_is_a_failure_that_is_over_at_once(shop: Recording) -> None:
    failed = RolloutSummary(
        policy=WEB, workload=WEB, phase="RolledBack", message="5 % errors", failed=True, weight=0, running=False, waits=False
    )
    shop.at(10, TWO, "p2", sync=SyncStatus.OUT_OF_SYNC, applied=ONE, rollouts=(failed,))

    assert shop.counts == {"succeeded": 1, "rolledBack": 1}
    assert shop.entry(TWO) | {"result": "RolledBack", "failed": moment(10), "recovered": moment(10)} == shop.entry(TWO)
    assert shop.at(20, FOUR, "p2", sync=SyncStatus.OUT_OF_SYNC, applied=ONE, rollouts=(failed,)).counts == shop.counts


def test_a_revert_is_known_by_what_it_declares(shop: Recording) -> None:
    shop.at(10, TWO, "p2").at(70, THREE, "p1")

    assert shop.counts == {"succeeded": 3, "reverted": 1, "reworked": 1}
    assert shop.entry(TWO) | {"failed": moment(70), "failure": "RolledBack", "recovered": moment(70)} == shop.entry(TWO)
    assert "failed" not in shop.entry(ONE)


def test_a_revert_is_known_by_its_message(shop: Recording) -> None:
    shop.at(10, TWO, "p2").at(20, THREE, "p3")
    shop.at(70, FOUR, "p4", message=f'Revert "two"\n\nThis reverts commit {TWO}.\n')

    assert shop.counts == {"succeeded": 4, "reverted": 1, "reworked": 1}
    assert "failed" in shop.entry(TWO)
    assert "failed" not in shop.entry(THREE)


def test_a_revert_after_a_day_is_a_change_like_another(shop: Recording) -> None:
    shop.at(10, TWO, "p2").at(10 + 24 * 60 + 1, THREE, "p1")

    assert shop.counts == {"succeeded": 3}


def test_a_rollback_by_a_person_undoes_and_is_no_deployment(shop: Recording) -> None:
    shop.at(10, TWO, "p2").at(30, ONE, "p1")

    assert shop.counts == {"succeeded": 2, "reverted": 1}
    assert shop.entry(ONE)["returned"] is True
    assert "committedAt" not in shop.entry(ONE)


def test_a_pause_and_an_observer_deploy_nothing(shop: Recording) -> None:
    before = shop.delivery

    assert shop.at(10, TWO, "p2", suspended="paused").delivery == before
    assert shop.at(11, TWO, "p2", observing=True).delivery == before


def test_a_status_of_an_earlier_version_of_the_agent_is_taken_over_without_a_write() -> None:
    old = Recording().at(0, ONE, "p1")
    del old.status["delivery"]
    for name in ("live", "committedAt"):
        old.status["history"][0].pop(name, None)
    before = old.status

    assert old.at(5, ONE, "p1").status == before
    assert old.at(10, TWO, "p2").counts == {"succeeded": 1}


def test_counts_survive_the_status() -> None:
    counts = DeploymentCounts(succeeded=3, rolled_back=1)

    assert DeploymentCounts.from_json(counts.to_json()) == counts
