"""Strategies of a rollout: canary, blue-green or rolling."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from gitops_agent.api.durations import Duration
from gitops_agent.api.model import Model, Rule
from gitops_agent.api.texts import Shape

_PODS = 100_000

Token = Annotated[
    str, Shape(pattern=r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", message="is not the name of a header or cookie", longest=256)
]
MatchText = Annotated[str, Shape(pattern=r"[^\x00-\x1f\x7f]+", message="holds control characters", longest=1024)]


class Mode(StrEnum):
    """How a header or cookie is compared."""

    EXACT = "exact"
    PREFIX = "prefix"
    REGEX = "regex"


class Criterion(Model):
    """What a header or cookie must be."""

    name: Token
    """Of the header or cookie."""

    value: MatchText
    """What it is compared with."""

    mode: Mode = Mode.EXACT
    """How."""


class StepMatch(Model):
    """Requests that go to the canary whatever the weight is."""

    header: Criterion | None = None
    """By a header."""

    cookie: Criterion | None = None
    """By a cookie."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.header) != has(self.cookie)",
            holds=lambda match: (match.header is None) != (match.cookie is None),
            message="needs either header or cookie",
        ),
    )


class StepMirror(Model):
    """Requests the canary gets a copy of."""

    percent: Annotated[int, Field(ge=1, le=100)] = 100
    """Of all requests."""


class CanaryScale(Model):
    """Number of canary pods, apart from the weight; capped by the surge."""

    replicas: Annotated[int, Field(ge=1, le=_PODS)] | None = None
    """A number of pods."""

    percent: Annotated[int, Field(ge=1, le=100)] | None = None
    """Of the workload's live replicas, rounded up."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.replicas) != has(self.percent)",
            holds=lambda scale: (scale.replicas is None) != (scale.percent is None),
            message="needs either replicas or percent",
        ),
    )


class Step(Model):
    """A step: scales, routes, then holds until all its conditions are met."""

    weight: Annotated[int, Field(ge=0, le=100)] | None = None
    """Percent of the requests that go to the canary; that of the step before when absent."""

    match: StepMatch | None = None
    """Requests that go to the canary besides; only during this step."""

    mirror: StepMirror | None = None
    """Requests the canary gets a copy of; only during this step."""

    set_canary_scale: CanaryScale | None = None
    """How many canary pods, when it is not the weight that says it; fewer than the weight needs is never gone below."""

    pause: Duration | None = None
    """How long to hold."""

    approval: bool = False
    """Hold until a user approves."""

    analysis: bool = False
    """Hold until every metric has its samples."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.weight) || has(self.match) || has(self.mirror) || has(self.setCanaryScale) || has(self.pause)"
            " || (has(self.approval) && self.approval) || (has(self.analysis) && self.analysis)",
            holds=lambda step: (
                any(action is not None for action in (step.weight, step.match, step.mirror, step.set_canary_scale, step.pause))
                or step.approval
                or step.analysis
            ),
            message="the step does nothing",
        ),
    )


class Canary(Model):
    """A second Deployment takes a share of the traffic in steps."""

    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=50)]
    """In this order; after the last one the new version is promoted."""

    surge_percent: Annotated[int, Field(ge=0, le=100)] = 100
    """Most pods beyond the workload's own, in percent of its live replicas, rounded up. Below 100 the canary never carries
    all the traffic: promotion keeps the share that fits. 0 is only for a plain Service."""

    scale_down_delay: Duration = timedelta(seconds=30)
    """How long the pods of the former version are kept, for a fast rollback, once the canary carries all the traffic."""


class BlueGreen(Model):
    """Runs a second full-size Deployment, then switches all traffic at once.

    The new version is reachable through a preview Service before the switch.
    """

    auto_promote: bool = True
    """Switch by itself once the preview is available and, with metrics, judged."""

    preview_replicas: Annotated[int, Field(ge=1, le=_PODS)] | None = None
    """Pods of the preview before the switch; as many as the workload has when absent."""

    scale_down_delay: Duration = timedelta(seconds=30)
    """How long the pods of the former version are kept, for a fast rollback, after the switch."""


class Rolling(Model):
    """Watches the workload's own update strategy; rolls back on failure."""


class Strategy(Model):
    """How a new version takes over; exactly one."""

    canary: Canary | None = None
    """In steps."""

    blue_green: BlueGreen | None = None
    """At once."""

    rolling: Rolling | None = None
    """Pod by pod."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="[has(self.canary), has(self.blueGreen), has(self.rolling)].filter(set, set).size() == 1",
            holds=lambda strategy: (
                sum(choice is not None for choice in (strategy.canary, strategy.blue_green, strategy.rolling)) == 1
            ),
            message="needs exactly one of canary, blueGreen and rolling",
        ),
    )
