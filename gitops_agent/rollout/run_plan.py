"""Plan of a run: any strategy as steps and limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import orjson

from gitops_agent.api.problems import read
from gitops_agent.api.rollout_metrics import Metric
from gitops_agent.api.rollout_policy import RolloutPolicySpec, TrafficProvider
from gitops_agent.api.rollout_strategy import BlueGreen, Canary, CanaryScale, Step, StepMatch
from gitops_agent.manifest.canonical import canonical
from gitops_agent.manifest.key import Object
from gitops_agent.rollout import replica_counts
from gitops_agent.rollout.state import Share
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn, Mirror


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """One step.

    Attributes:
        share: what of the traffic goes to the canary.
        replicas: fewest canary pods; 0 leaves it to the share.
        percent: fewest canary pods in percent of the workload's.
        pause: how long to hold.
        approval: whether a person must approve.
        analysis: whether every metric must have its samples.
    """

    share: Share
    replicas: int = 0
    percent: int = 0
    pause: timedelta = timedelta(0)
    approval: bool = False
    analysis: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """Steps and limits of a run.

    Attributes:
        steps: in order; none for `rolling`, which has no second Deployment at all.
        rolling: whether it is `rolling`.
        plain: whether numbers of pods are the share (a plain Service, canary).
        surge_percent: most pods beyond the workload's own, in percent of them.
        delay: how long the canary carries the traffic before the workload is changed.
        drain: how long requests in flight get.
        deadline: how long anything may take that is not a wait by intent.
        paused_deadline: how long a run may stay paused.
        metrics: what it is judged by.
        compared: whether the canary is held against new pods of the stable version.
        routeless: whether the selector of the Service is all there is to move the traffic by.
    """

    steps: tuple[RunStep, ...]
    rolling: bool
    plain: bool
    surge_percent: int
    delay: timedelta
    drain: timedelta
    deadline: timedelta
    paused_deadline: timedelta | None
    metrics: tuple[Metric, ...]
    compared: bool = False
    routeless: bool = False

    @property
    def lasting(self) -> tuple[Metric, ...]:
        """The metrics without comparison, judged while the canary has all traffic."""
        return tuple(metric for metric in self.metrics if metric.compare is None)

    def baseline(self, canary: int, replicas: int) -> int:
        """Baseline pods: as many as canary pods, if the surge allows both."""
        return canary if self.compared and 2 * canary <= self.limit(replicas) else 0

    def limit(self, replicas: int) -> int:
        """Most pods beyond the workload's own."""
        return replica_counts.surge_limit(replicas, self.surge_percent)

    def scale(self, step: int, replicas: int) -> int:
        """Canary pods of a step; behind a plain Service the first ones."""
        planned = self.steps[step]
        if self.plain:
            goal = replica_counts.ratio(replicas, planned.share.weight, surge=self.surge_percent > 0)
            return min(goal.canary, self.limit(replicas))
        floor = max(planned.replicas, replica_counts.ceil_div(replicas * planned.percent, replica_counts.FULL), 1)
        return replica_counts.routed(replicas, planned.share.weight, limit=self.limit(replicas), floor=floor)

    def reached(self, step: int, replicas: int) -> int:
        """Canary pods in a step: no step takes away those of another."""
        return max(self.scale(index, replicas) for index in range(step + 1))

    def cut(self, replicas: int) -> int:
        """The weight of the Cut: 100, or what the surge allows."""
        return replica_counts.largest_weight(replicas, limit=self.limit(replicas))

    def refusal(self, replicas: int, max_unavailable: int) -> str:
        """Why a run cannot start with these replicas; empty when it can."""
        if not self.plain or not replicas:
            return ""
        if not self.surge_percent and not max_unavailable:
            return "without a surge and with no pod allowed to be missing, no pod can be moved"
        goals = (replica_counts.ratio(replicas, step.share.weight, surge=self.surge_percent > 0) for step in self.steps)
        return next((goal.refused for goal in goals if goal.refused), "")


def run(spec: RolloutPolicySpec) -> RunPlan:
    """The run a policy asks for."""
    strategy = spec.strategy
    delay, surge = timedelta(0), replica_counts.FULL
    steps: tuple[RunStep, ...] = ()
    if strategy.canary is not None:
        delay, surge = strategy.canary.scale_down_delay, strategy.canary.surge_percent
        steps = _steps(strategy.canary)
    elif strategy.blue_green is not None:
        delay = strategy.blue_green.scale_down_delay
        steps = (_preview(strategy.blue_green, judged=any(not metric.dry_run for metric in spec.analysis.metrics)),)
    return RunPlan(
        steps=steps,
        rolling=strategy.rolling is not None,
        plain=strategy.canary is not None and spec.traffic.provider is TrafficProvider.SERVICE,
        surge_percent=surge,
        delay=delay,
        drain=spec.drain,
        deadline=spec.progress_deadline,
        paused_deadline=spec.paused_deadline,
        metrics=spec.analysis.metrics,
        compared=spec.analysis.baseline,
        routeless=spec.traffic.provider is TrafficProvider.SERVICE,
    )


def dump_policy(spec: RolloutPolicySpec) -> Object:
    """The policy as JSON, kept in the state of a run."""
    return spec.model_dump(mode="json", by_alias=True, exclude_none=True)


def load_policy(plan: Object) -> RolloutPolicySpec:
    """The policy a run was started with.

    Raises:
        SpecInvalid: the status was edited, or written by a version that knew more.
    """
    return _thawed(canonical(plan))


@lru_cache(maxsize=256)
def _thawed(plan: bytes) -> RolloutPolicySpec:
    """A parsed plan, cached: reading it costs a hundred steps."""
    return read(RolloutPolicySpec, orjson.loads(plan), root="status.plan")


def _preview(green: BlueGreen, *, judged: bool) -> RunStep:
    """The one step of blue-green: a preview without traffic."""
    return RunStep(
        share=Share(),
        replicas=green.preview_replicas or 0,
        percent=0 if green.preview_replicas else replica_counts.FULL,
        approval=not green.auto_promote,
        analysis=judged,
    )


def _steps(canary: Canary) -> tuple[RunStep, ...]:
    result: list[RunStep] = []
    weight = 0
    for step in canary.steps:
        weight = weight if step.weight is None else step.weight
        result.append(_step(step, weight))
    return tuple(result)


def _step(step: Step, weight: int) -> RunStep:
    scale = step.set_canary_scale or CanaryScale(replicas=1)
    return RunStep(
        share=Share(
            weight=weight,
            match=None if step.match is None else _match(step.match),
            mirror=None if step.mirror is None else Mirror(percent=step.mirror.percent),
        ),
        replicas=scale.replicas or 0,
        percent=scale.percent or 0,
        pause=step.pause or timedelta(0),
        approval=step.approval,
        analysis=step.analysis,
    )


def _match(match: StepMatch) -> Match | None:
    for on, criterion in ((MatchOn.HEADER, match.header), (MatchOn.COOKIE, match.cookie)):
        if criterion is not None:
            return Match(on=on, name=criterion.name, value=criterion.value, mode=MatchMode(criterion.mode))
    return None
