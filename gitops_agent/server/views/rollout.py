"""One rollout: weight requested and in force, steps, metrics, versions."""

from __future__ import annotations

from typing import Literal

from gitops_agent.server.views.application import Action
from gitops_agent.server.views.base import ApplicationName, CannotSee, ObjectName, Time, View
from gitops_agent.server.views.timeline import MetricView, RolloutStepView, RunView, VersionView


class WeightView(View):
    """The new version's share of the traffic, in percent."""

    requested: int = 0
    """What is to go to it."""

    actual: int = 0
    """What that comes to: behind a plain Service the numbers of pods are the share."""

    verified: bool = False
    """Whether it is in force."""

    verified_at: Time = ""
    """When the live routes were seen to carry it; empty while they do not."""


class PodsView(View):
    """The pods of one version, by the workload that makes them."""

    side: Literal["stable", "new", "canary", "preview", "baseline"]
    """What they are: the workload itself with the stable or the new version, or one that the run made."""

    workload: ObjectName
    """What makes them."""

    there: bool = True
    """Whether that exists."""

    version: str = ""
    """The hash it was last applied with."""

    images: tuple[str, ...] = ()
    """Of its containers."""

    wanted: int = 0
    """Pods asked for."""

    available: int = 0
    """Pods that serve."""

    updated: int = 0
    """Pods of the workload's present version, available or not."""


class TrafficView(View):
    """What carries the share of the traffic."""

    provider: str = ""
    """As in `spec.traffic.provider`."""

    asked: str = ""
    """What is to go to the new version, in words; empty outside of a run."""

    routes: tuple[ObjectName, ...] = ()
    """The routes that divide it, or the Services where the numbers of pods do."""


class RolloutRow(View):
    """A rollout in a list."""

    namespace: str
    """The namespace of the RolloutPolicy."""

    name: str
    """Its name."""

    application: ApplicationName | None = None
    """The Application that declares it."""

    workload: str = ""
    """What it rolls out."""

    strategy: str = ""
    """canary, blueGreen or rolling."""

    phase: str = ""
    """Of its status."""

    outlook: str = ""
    """How urgent it is: RolledBack, RolloutPaused, AwaitingApproval, RolloutRefused, NotReconciled, WaitingFor, RollingOut or
    Stable."""

    step: int = 0
    """The present step, counted from one; zero outside of steps."""

    steps: int = 0
    """How many there are."""

    weight: WeightView = WeightView()
    """The share of the new version."""

    message: str = ""
    """Where it stands, in one line."""

    approval: str = ""
    """The approval it waits for, as `hash/step`."""

    changed_at: Time = ""
    """When its condition Ready last changed."""


class RolloutList(View):
    """The rollouts, the most urgent first."""

    rollouts: tuple[RolloutRow, ...] = ()
    """Those of the Applications that the viewer may see."""


class RolloutView(View):
    """One rollout."""

    row: RolloutRow
    """What a list shows of it."""

    resource_version: str
    """What an action has to name."""

    stable: VersionView | None = None
    """The version known to be good."""

    target: VersionView | None = None
    """The version under way, or the one that was rolled back last."""

    pods: tuple[PodsView, ...] = ()
    """The pods of each version, read as the viewer at the time of the answer."""

    cannot_see: tuple[CannotSee, ...] = ()
    """Kinds of workloads that the viewer may not read: their pods are not in `pods`."""

    traffic: TrafficView | None = None
    """What divides the traffic; null for `rolling`, which divides none."""

    steps: tuple[RolloutStepView, ...] = ()
    """The steps and the promotion."""

    until: Time = ""
    """When the present wait is over."""

    waits_for: tuple[str, ...] = ()
    """What it waits for, in words, at the time of the answer."""

    metrics: tuple[MetricView, ...] = ()
    """What was measured in this run."""

    notes: tuple[str, ...] = ()
    """What else there is to say."""

    held: tuple[str, ...] = ()
    """What differs from the newest commit because a version is not promoted."""

    history: tuple[RunView, ...] = ()
    """The last ten runs, newest first."""

    rejected: tuple[RunView, ...] = ()
    """Versions that are not tried again by themselves."""

    actions: tuple[Action, ...] = ()
    """What can be done."""
