"""Single steps of the machine, from states that a test writes down."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.machine import StepResult, step
from gitops_agent.rollout.observation import Observation, Routing, WorkloadStatus
from gitops_agent.rollout.run_plan import dump_policy
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Share, Stage, Traffic
from gitops_agent.rollout.traffic.router import Verdict
from tests.rollout.policies import canary
from tests.rollout.release import V1, V2
from tests.rollout.world import START

POLICY = canary(drain="10s")


def in_force(weight: int, *, since: datetime = START) -> Traffic:
    """A share that the routes have had since then."""
    return Traffic(want=Share(weight=weight), applied=Share(weight=weight), verified_at=since)


def running(
    phase: Phase, stage: Stage = Stage.NONE, *, weight: int = 0, policy: RolloutPolicySpec = POLICY, **fields: Any
) -> RolloutState:
    """A run from V1 to V2 with its share in force."""
    base = RolloutState(
        phase=phase,
        stage=stage,
        stable=V1,
        target=V2,
        plan=dump_policy(policy),
        adoption=Adoption.DONE,
        canary=4,
        entered_at=START,
        traffic=in_force(weight),
    )
    return replace(base, **fields)


def pods(available: int = 4, *, replicas: int = 4, **fields: Any) -> WorkloadStatus:
    """A workload of V1 where a test says nothing else."""
    return WorkloadStatus(**{"version": V1, "replicas": replicas, "available": available, **fields})


def seen(state: RolloutState, **fields: Any) -> Observation:
    """A sound cluster, but for `fields`."""
    sound: dict[str, Any] = {
        "head": V2,
        "primary": pods(),
        "canary": pods(state.canary, replicas=state.canary, version=V2),
        "replicas": 4,
        "max_unavailable": 1,
        "endpoints": state.canary,
        "reachable": 4,
        "canary_service": True,
        "routing": Routing(share=state.traffic.want, verdict=Verdict.READY),
        "applied": V1,
    }
    return Observation(**{**sound, **fields})


def stepped(state: RolloutState, *, seconds: float = 3600, policy: RolloutPolicySpec = POLICY, **fields: Any) -> StepResult:
    """The step so many seconds after `START`; see `seen`."""
    return step(state, seen(state, **fields), policy, START + timedelta(seconds=seconds))


def after(state: RolloutState, **options: Any) -> RolloutState:
    """The state after that step."""
    return stepped(state, **options).state
