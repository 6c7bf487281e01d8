"""The outcome of a run, by the health of its object.

A Job or a Pod is Healthy once it is complete; of kinds that merely are (a ConfigMap, a ServiceAccount) health says so at once,
so that applied is done; all others say themselves when they are ready.
"""

from __future__ import annotations

from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.hook_runs.record import RunState

_STATES = {Status.HEALTHY: RunState.SUCCEEDED, Status.DEGRADED: RunState.FAILED}


def outcome(health: Health, *, runs_to_an_end: bool) -> RunState:
    """How far the run of a hook is.

    Args:
        health: of its object.
        runs_to_an_end: its kind runs once, so that Healthy means "ended well" (a Pod is Healthy while it serves, too).
    """
    if runs_to_an_end and health.status is Status.HEALTHY and health.reason not in ("Completed", "Succeeded"):
        return RunState.RUNNING
    return _STATES.get(health.status, RunState.RUNNING)
