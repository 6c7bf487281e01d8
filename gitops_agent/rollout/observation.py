"""Input of the state machine: the observed cluster, Git and commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gitops_agent.rollout.command import Command
from gitops_agent.rollout.state import Share, Version
from gitops_agent.rollout.traffic.router import Verdict


class Answer(StrEnum):
    """Verdict of one measurement."""

    SUCCESS = "success"
    FAILURE = "failure"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One measurement that ended.

    Attributes:
        metric: its name in the policy.
        at: when it ended; a measurement not later than the last one counted is not counted again.
        answer: what it said.
        hash: the version it measured.
        message: why, where the answer does not say it all.
    """

    metric: str
    at: datetime
    answer: Answer
    hash: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadStatus:
    """A live workload.

    Attributes:
        version: which version it was last applied with, read from its own annotations; None when it says nothing.
        replicas: those of its spec.
        available: its available pods, of whichever version.
        updated: its pods of the present spec, available or not.
        complete: its controller has seen the last change, and every pod is of it and available.
        replaced: its controller has seen the last change, and every pod is of it, available or not.
        failed: why it will not get there (a deadline of its own); empty when it may.
        hindered: why pods cannot be made at present (a quota, an admission policy), which may pass; empty when they can.
        cause: why its pods are not available, as these say themselves; empty when that is not known.
    """

    version: Version | None
    replicas: int
    available: int
    complete: bool = True
    replaced: bool = True
    failed: str = ""
    hindered: str = ""
    cause: str = ""
    updated: int = 0

    @property
    def trouble(self) -> str:
        """Why its pods do not come up; empty when unknown."""
        return ": ".join(dict.fromkeys(text for text in (self.failed or self.hindered, self.cause) if text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """Verdict of the live routes on one share.

    Attributes:
        share: the one wanted when they were read; a verdict on another share says nothing.
        verdict: whether it is in force.
        reason: for people.
    """

    share: Share
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """The observed cluster, Git and commands at one step.

    Attributes:
        head: what Git says now; None when it cannot be rendered, or no longer declares the workload.
        primary: the workload itself; None when it is absent.
        canary: the second Deployment of the state's target; None when it is absent.
        baseline: the third Deployment, of the stable version; None when it is absent.
        replicas: what the workload should have now: those of the newest commit, or with an autoscaler the live ones.
        autoscaled: whether an autoscaler decides about them.
        max_unavailable: how many of them may be missing.
        endpoints: ready endpoints of the canary's Service.
        reachable: ready endpoints of the Service itself, of whichever side it selects.
        service: whether the Service itself exists.
        canary_service: whether the canary's Service exists.
        configs: whether copied ConfigMaps and Secrets of a run exist.
        leftovers: whether objects of any other run exist.
        lost: the version of a canary that is there though the state was lost; None where there is none, or it is unknown.
        former: the Service whose traffic a run split though its state was lost; empty where there is none.
        routing: what the live routes say; None when there are none to ask.
        added: whether objects new in the target are applied.
        applied: the version that the configuration of the workload was last applied with.
        labelled: whether all pods of the workload carry the label of the stable side.
        selected: whether the Service selects by it.
        alone: whether the Service selects the pods of the canary and no others.
        gate: why a run may not start; empty when it may.
        barrier: whether every other workload of the run has come to its Cut too.
        corrected: policies, as `namespace/name`, of rollouts whose failure rejected versions of this one, and whose newest
            version is not rejected.
        measurements: those that ended lately.
        commands: those that were asked; consumed ones may be among them.
    """

    head: Version | None
    primary: WorkloadStatus | None
    canary: WorkloadStatus | None = None
    baseline: WorkloadStatus | None = None
    replicas: int = 1
    autoscaled: bool = False
    max_unavailable: int = 0
    endpoints: int = 0
    reachable: int = 0
    service: bool = True
    canary_service: bool = False
    configs: bool = False
    leftovers: bool = False
    lost: Version | None = None
    former: str = ""
    routing: Routing | None = None
    added: bool = True
    applied: Version | None = None
    labelled: bool = True
    selected: bool = True
    alone: bool = False
    gate: str = ""
    barrier: bool = True
    corrected: frozenset[str] = frozenset()
    measurements: tuple[Measurement, ...] = ()
    commands: tuple[Command, ...] = ()

    @property
    def leavings(self) -> bool:
        """Whether any object of a run exists."""
        there = self.canary is not None or self.baseline is not None
        return there or self.canary_service or self.configs or self.leftovers
