from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.outcome import ObjectIssue, ReconcileOutcome, SyncStatus
from gitops_agent.agent.reconcile.steady_state import at_rest
from gitops_agent.errors import RenderError, SourceError
from gitops_agent.revision.revision import ChartRevision, DependencyRevision, Revision, ValuesRevision
from gitops_agent.sync.health import Health, Status
from gitops_agent.sync.hook_runs.record import HookRecord
from tests.agent.samples import application
from tests.sync.samples import REVISION, key

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
IDLE = ReconcileOutcome(
    revision=REVISION, applied=REVISION.commit, sync=SyncStatus.SYNCED, health=Health(Status.HEALTHY), demanded=False
)
CHART = ChartRevision(
    repository="https://charts.example.com", name="web", version="1.0.0", digest="sha256:1", range="1", resolved_at=NOON
)
VALUES = ValuesRevision(repository="https://git.example.com/values", ref="branch main", commit="c" * 40)


def rests(outcome: ReconcileOutcome = IDLE, *, spec: dict[str, Any] | None = None, **state: Any) -> bool:
    return at_rest(application(**(spec or {})), outcome, ApplicationState(**state))


def test_one_that_is_synced_and_healthy_rests() -> None:
    assert rests()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sync", SyncStatus.OUT_OF_SYNC),
        ("health", None),
        ("health", Health(Status.DEGRADED)),
        ("error", RenderError("no", reason="RenderFailed")),
        ("source_error", SourceError("no")),
        ("provisional", True),
        ("observing", True),
        ("held", "deletes much"),
        ("waiting", "the first list"),
        ("suspended", "paused"),
        ("over_budget", "abc"),
        ("problems", (ObjectIssue(key=key("ConfigMap", "one"), reason="Forbidden", message="no"),)),
        ("replacement", REVISION),
        ("demanded", True),
        ("applied", "another"),
        ("revision", None),
    ],
)
def test_one_with_something_to_do_does_not_rest(field: str, value: object) -> None:
    assert not rests(replace(IDLE, **{field: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "revision",
    [
        replace(REVISION, chart=CHART),
        replace(REVISION, dependencies=(DependencyRevision(chart=CHART),)),
        replace(REVISION, values=(VALUES,)),
    ],
    ids=["chart", "dependencies", "values"],
)
def test_one_that_reads_more_than_its_branch_does_not_rest(revision: Revision) -> None:
    assert not rests(replace(IDLE, revision=revision))


def test_one_that_judges_every_commit_does_not_rest() -> None:
    assert not rests(spec={"sync": {"rollback": {"onDegraded": True}}})


def test_one_with_hooks_does_not_rest() -> None:
    assert not rests(hooks=HookRecord(deletion=True))


def test_one_with_an_unanswered_request_does_not_rest() -> None:
    assert not rests(requested="1")
    assert rests(requested="1", answered="1")
