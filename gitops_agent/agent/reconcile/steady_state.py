"""Whether an Application rests until its own files change. Pure.

What reads more than the files of its branch (charts, values and bases of other repositories, signatures), and what is not done
with its commit (hooks, rollouts, windows, trials, warnings of Helm), is reconciled for every commit.
"""

from __future__ import annotations

from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome, SyncStatus
from gitops_agent.api.application import Application
from gitops_agent.sync.health.status import Status
from gitops_agent.sync.hook_runs.record import EMPTY


def at_rest(application: Application, outcome: ReconcileOutcome, state: ApplicationState) -> bool:
    """Whether only a change of its own files needs a reconcile.

    Args:
        application: which.
        outcome: of its last reconcile, as published.
        state: after that reconcile.
    """
    return (
        _reads_one_branch(application, outcome)
        and outcome.sync is SyncStatus.SYNCED
        and outcome.health is not None
        and outcome.health.status is Status.HEALTHY
        and not (outcome.error or outcome.source_error or outcome.provisional or outcome.observing)
        and not (outcome.held or outcome.waiting or outcome.suspended or outcome.window or outcome.over_budget)
        and not (outcome.problems or outcome.rollouts or outcome.replacement)
        and not application.spec.sync.rollback.on_degraded
        and not _has_hooks(state)
        and not state.plans.release
        and state.requested in ("", state.answered)
    )


def _reads_one_branch(application: Application, outcome: ReconcileOutcome) -> bool:
    """Whether its revision is one commit of a branch."""
    ref, revision = application.spec.source.ref, outcome.revision
    return (
        ref is not None
        and ref.branch is not None
        and not outcome.demanded
        and revision is not None
        and revision.commit == outcome.applied
        and not (revision.chart or revision.dependencies or revision.values)
    )


def _has_hooks(state: ApplicationState) -> bool:
    return state.hooks != EMPTY or state.hook_inputs is not None or bool(state.desired and state.desired.hooks)
