"""What is measured while a rollout holds, and against what."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.metric_jobs import JobScope
from gitops_agent.api.rollout_metrics import Metric
from gitops_agent.manifest.key import AppKey
from gitops_agent.rollout.observation import Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisRun:
    """What is measured for one rollout while it holds.

    Attributes:
        policy: namespace and name of the policy.
        scope: whose Jobs are made, and with which rights.
        namespace: of the workload.
        canary: the name of the second Deployment; the workload's own where there is none.
        stable: the name of the Deployment it is compared with: the baseline, or the workload itself.
        stable_hash: the version of that.
        service: the Service whose traffic is split; may be empty.
        hash: the version that is measured.
        metrics: what is measured.
        hold: names the Hold: delays and comparisons begin anew with each.
        since: when the Hold began, UTC.
    """

    policy: AppKey
    scope: JobScope
    namespace: str
    canary: str
    stable: str
    stable_hash: str
    service: str
    hash: str
    metrics: tuple[Metric, ...]
    hold: str
    since: datetime

    @classmethod
    def of(
        cls, rollout: RolloutContext, metrics: Collection[str], observation: Observation, scope: JobScope
    ) -> AnalysisRun | None:
        """The run that the state of a rollout asks for, if any.

        Args:
            rollout: after its step.
            metrics: names of those that the state measures.
            observation: shows whether a baseline is there to compare with.
            scope: see above.
        """
        state = rollout.state
        if not metrics or state.target is None or state.entered_at is None:
            return None
        workload, canary, baseline = rollout.subject.workload, rollout.canary, rollout.baseline
        ready = observation.baseline is not None and observation.baseline.available > 0
        paired = baseline is not None and state.baseline > 0 and ready
        return cls(
            policy=scope.policy,
            scope=scope,
            namespace=workload.namespace,
            canary=canary.name if canary is not None else workload.name,
            stable=baseline.name if baseline is not None and paired else workload.name,
            stable_hash=state.stable.hash if state.stable is not None else "",
            service=rollout.subject.service.name,
            hash=state.target.hash,
            metrics=tuple(metric for metric in rollout.subject.policy.analysis.metrics if metric.name in metrics),
            hold=f"{state.phase}/{state.stage}/{state.step}/{state.entered_at.isoformat()}",
            since=state.entered_at,
        )

    @property
    def jobs(self) -> bool:
        """Whether any metric is a Job."""
        return any(metric.provider.job is not None for metric in self.metrics)
