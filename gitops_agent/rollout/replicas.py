"""The replicas the cluster can afford now.

Problem: the numbers in the state were affordable when they were written, and pods may be lost before they are applied.
Decision: each step says, from the observation it decided by, which numbers may be applied. Where too few pods would serve, or
too many would exist, that is the live number.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.rollout.state import Phase, RolloutState, Stage
from gitops_agent.rollout.step_context import StepContext


@dataclass(frozen=True, slots=True, kw_only=True)
class Replicas:
    """Replicas of both sides.

    Attributes:
        primary: of the workload; None leaves them to Git or an autoscaler.
        canary: of the second Deployment.
        absent: the run is given up and has no second Deployment, so that none is made; the API server may refuse it.
    """

    primary: int | None
    canary: int
    absent: bool = False

    @classmethod
    def of(cls, state: RolloutState) -> Replicas:
        """The replicas a state asks for."""
        return cls(primary=state.primary, canary=state.canary)


def affordable(ctx: StepContext) -> Replicas:
    """What may be applied of what the state asks for."""
    return Replicas(primary=_primary(ctx), canary=_canary(ctx), absent=_absent(ctx))


def unchanged(ctx: StepContext) -> Replicas:
    """The live replicas, for a rollout in which nothing may move."""
    primary, canary, state = ctx.seen.primary, ctx.seen.canary, ctx.state
    fewer = primary is not None and state.primary is not None and state.primary < primary.replicas
    return Replicas(
        primary=primary.replicas if primary is not None and fewer else state.primary,
        canary=canary.replicas if canary is not None and state.running else state.canary,
        absent=_absent(ctx),
    )


def _absent(ctx: StepContext) -> bool:
    return ctx.state.abandoned and ctx.seen.canary is None


def _primary(ctx: StepContext) -> int | None:
    replicas, live = ctx.state.primary, ctx.seen.primary
    if replicas is None or live is None or replicas >= live.replicas or ctx.affordable(primary=replicas):
        return replicas
    return live.replicas


def _canary(ctx: StepContext) -> int:
    state, observation, canary = ctx.state, ctx.seen, ctx.seen.canary
    if canary is None or not state.running:
        return state.canary
    # On the way out what is left is kept, but gets no more pods without its Service: its traffic is on its way out as well.
    out = state.leaving and (state.stage in {Stage.SERVICE, Stage.WORKLOAD} or not observation.canary_service)
    unwise = state.canary < canary.replicas and ctx.run.plain and not ctx.affordable(canary=state.canary)
    # A baseline that leaves makes room first: canary and baseline together obey the surge limit.
    crowded = state.canary > canary.replicas and observation.baseline is not None and not state.baseline
    return canary.replicas if state.phase is Phase.PENDING or out or unwise or crowded else state.canary
