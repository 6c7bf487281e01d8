"""Context of a phase: state, observation, plan and time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout import replica_counts
from gitops_agent.rollout.observation import Observation, WorkloadStatus
from gitops_agent.rollout.replica_counts import ReplicaCounts
from gitops_agent.rollout.run_plan import RunPlan
from gitops_agent.rollout.state import Ended, Phase, RolloutState, Share, Stage, Traffic, Version
from gitops_agent.rollout.traffic.router import Verdict

_HISTORY = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """Context of a phase.

    Attributes:
        state: where the rollout stands.
        seen: the observation.
        policy: what is wanted now; counts for the next run.
        run: what this run does.
        now: the time, UTC.
    """

    state: RolloutState
    seen: Observation
    policy: RolloutPolicySpec
    run: RunPlan
    now: datetime

    def enter(self, phase: Phase, stage: Stage = Stage.NONE, *, wait: timedelta | None = None, **changes: Any) -> RolloutState:
        """The state in another phase or stage, entered now."""
        until = None if wait is None else self.now + wait
        changes.setdefault("reason", "")
        return replace(self.state, phase=phase, stage=stage, entered_at=self.now, until=until, **changes)

    def wanting(self, share: Share) -> Traffic:
        """The traffic with another share wanted."""
        now = self.state.traffic
        return now if now.want == share else Traffic(want=share, applied=now.applied)

    def ended(self, result: str, reason: str = "") -> tuple[Ended, ...]:
        """The history with this run at its head."""
        target = self.state.target
        if target is None:
            return self.state.history
        entry = Ended(hash=target.hash, commit=target.commit, result=result, reason=reason, at=self.now)
        return (entry, *self.state.history)[:_HISTORY]

    @property
    def overdue(self) -> bool:
        """Whether the stage outlasts the progress deadline."""
        return self.state.entered_at is not None and self.now >= self.state.entered_at + self.run.deadline

    @property
    def waited(self) -> bool:
        """Whether the timed wait of the stage is over."""
        return self.state.until is None or self.now >= self.state.until

    @property
    def drained(self) -> bool:
        """Whether the share has been in force for the drain time."""
        since = self.state.traffic.verified_at
        return self.state.traffic.verified and since is not None and self.now >= since + self.run.drain

    @property
    def newer(self) -> bool:
        """Whether Git has a third version beside promoted and former."""
        head, state = self.seen.head, self.state
        present = {version.hash for version in (state.stable, state.target) if version is not None}
        return state.promoted and head is not None and head.hash not in present

    @property
    def share(self) -> Share:
        """The share of the present step, within the surge limit."""
        share = self.run.steps[self.state.step].share
        if self.run.plain:
            return share
        return replace(share, weight=min(share.weight, self.run.cut(max(self.seen.replicas, 1))))

    @property
    def refused(self) -> str:
        """Why the routes' controller refuses the wanted share; empty otherwise."""
        routing = self.seen.routing
        if routing is None or routing.share != self.state.traffic.want or routing.verdict is not Verdict.ERROR:
            return ""
        return f"the routes are refused{f': {routing.reason}' if routing.reason else ''}"

    @property
    def serving(self) -> bool:
        """Whether any canary pod can answer."""
        canary = self.seen.canary
        return canary is not None and canary.available > 0 and self.seen.endpoints > 0

    @property
    def sharing(self) -> bool:
        """Whether canary pods answer requests to the Service already."""
        return not self.state.traffic.want.none and not (self.run.plain and self.seen.selected)

    @property
    def alone(self) -> bool:
        """Whether requests to a plain Service reach canary pods only."""
        return self.run.plain and self.seen.alone

    @property
    def ready(self) -> bool:
        """Whether every wanted canary pod is available and reachable."""
        canary = self.seen.canary
        if canary is None or not self.seen.canary_service or canary.replicas != self.state.canary:
            return False
        return canary.available >= self.state.canary and self.seen.endpoints >= self.state.canary

    @property
    def short(self) -> bool:
        """Whether the canary lacks pods for the share about to be sent.

        Pods may have been lost since the decision, or the workload may have grown. A workload without pods takes nothing back.
        """
        traffic, canary = self.state.traffic, self.seen.canary
        if self.run.plain or self.silent or traffic.want.weight <= traffic.applied.weight:
            return False
        needed = replica_counts.ceil_div(traffic.want.weight * self.seen.replicas, replica_counts.FULL)
        return (canary.available if canary else 0) < needed

    @property
    def silent(self) -> bool:
        """Whether no pod of the workload serves."""
        return self.seen.primary is not None and not self.seen.primary.available

    @property
    def lacking(self) -> str:
        """Pods the workload itself lacks, in words; empty when it is whole."""
        primary, replicas = self.seen.primary, self._asked()
        available = primary.available if primary else 0
        if available >= replicas - self.seen.max_unavailable:
            return ""
        return f"the workload itself has {available} of {replicas} pods available"

    @property
    def paired(self) -> bool:
        """Whether the baseline is available, or overdue."""
        pods = self.seen.baseline
        return self.overdue or (pods.available if pods else 0) >= self.state.baseline

    @property
    def unreachable(self) -> bool:
        """Whether the Service lacks endpoints of available workload pods."""
        primary = self.seen.primary
        return self.seen.service and primary is not None and self.seen.reachable < primary.available

    @property
    def surplus(self) -> int:
        """Pods of the workload that serve though they are to go.

        Behind a plain Service each of them makes the share of the canary smaller than the numbers of pods say.
        """
        sharing = self.run.plain and 0 < self.state.traffic.want.weight < replica_counts.FULL
        return max(self.seen.reachable - self.seen.endpoints - self._asked(), 0) if sharing else 0

    @property
    def missing(self) -> str:
        """What keeps the canary from being ready, for people."""
        canary = self.seen.canary
        if canary is None:
            return "the canary does not exist yet"
        text = canary.failed or canary.hindered or f"{canary.available} of {self.state.canary} canary pods are available"
        return f"{text}: {canary.cause}" if canary.cause else text

    def at(self, version: Version | None) -> bool:
        """Whether the workload was last applied with a version."""
        primary = self.seen.primary
        return (
            primary is not None and primary.version is not None and version is not None and primary.version.hash == version.hash
        )

    def moved(self, goal: ReplicaCounts) -> ReplicaCounts:
        """The next pod counts towards a goal, once the last took effect."""
        counts = ReplicaCounts(canary=self.state.canary, stable=self._asked())
        primary, canary = self.seen.primary, self.seen.canary
        if primary is None or primary.replicas != counts.stable or (canary.replicas if canary else 0) != counts.canary:
            return counts
        total = self.seen.replicas
        # While the canary serves alone, the pods of the workload stand in for none of its own.
        available = 0 if self.alone else min(primary.available, counts.stable)
        if self.sharing:
            available += min(canary.available if canary else 0, counts.canary)
        return replica_counts.motion(
            counts,
            goal,
            available=available,
            most=total + self.run.limit(total),
            least=total - self.seen.max_unavailable,
            idle=primary.replicas - (0 if self.alone else min(primary.available, primary.replicas)),
            serving=not (self.state.traffic.want.none and self.state.traffic.verified),
        )

    def affordable(self, *, primary: int | None = None, canary: int | None = None) -> bool:
        """Whether enough pods go on serving with fewer replicas of one side.

        The numbers in the state were affordable when they were written; pods may have been lost before they are acted upon.
        """
        left, now = self._available(self.seen.primary, primary), self._available(self.seen.primary, None)
        if self.alone:
            left = now = 0
        if self.sharing:
            left += self._available(self.seen.canary, canary)
            now += self._available(self.seen.canary, None)
        # Where too few serve already, pods that serve no request may still go.
        return left >= min(self.seen.replicas - self.seen.max_unavailable, now)

    @staticmethod
    def _available(pods: WorkloadStatus | None, replicas: int | None) -> int:
        if pods is None:
            return 0
        return pods.available if replicas is None else min(pods.available, replicas)

    def _asked(self) -> int:
        return self.seen.replicas if self.state.primary is None else self.state.primary
