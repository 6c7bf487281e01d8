"""Prometheus metrics of rollouts.

Their labels are bounded: the policies of the cluster, their metrics (sixteen at most) and fixed words.
What is gone is removed.
"""

from __future__ import annotations

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.status_builder import strategy
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.observe import metrics
from gitops_agent.rollout.describe import actual_weight
from gitops_agent.rollout.run_plan import run
from gitops_agent.rollout.state import Phase, RolloutState


def publish(application: AppKey, before: RolloutState, after: RolloutContext) -> None:
    """Sets the gauges of a rollout, and counts a run that ended.

    Args:
        application: which declares it.
        before: the state before the step.
        after: the rollout after it, its state written.
    """
    name, state, policy = _name(after.key), after.state, after.subject.policy
    workload = f"{after.subject.workload.kind} {after.subject.workload.name}"
    metrics.ROLLOUTS.remove_by_labels({"rollout": name})
    metrics.ROLLOUTS.labels(name, str(application), workload, strategy(policy)).set(1)
    for phase in Phase:
        metrics.ROLLOUT_PHASE.labels(name, str(phase)).set(phase is state.phase)
    weight = state.traffic.want.weight if state.running else 0
    metrics.ROLLOUT_WEIGHT.labels(name).set(weight)
    metrics.ROLLOUT_ACTUAL_WEIGHT.labels(name).set(actual_weight(state, run(policy)) if state.running else 0)
    if state.history and state.history != before.history:
        metrics.ROLLOUT_RUNS.labels(name, state.history[0].result).inc()


def forget(policy: ObjectKey) -> None:
    """Drops the metrics of a policy that is gone."""
    for family in (
        metrics.ROLLOUTS,
        metrics.ROLLOUT_PHASE,
        metrics.ROLLOUT_WEIGHT,
        metrics.ROLLOUT_ACTUAL_WEIGHT,
        metrics.ROLLOUT_RUNS,
        metrics.MEASUREMENTS,
    ):
        family.remove_by_labels({"rollout": _name(policy)})


def _name(policy: ObjectKey) -> str:
    return f"{policy.namespace}/{policy.name}"
