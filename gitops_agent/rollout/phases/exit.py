"""Ways out of a run: traffic first, then drain, Services, workloads.

Abort, Superseded and Finalize share them; they differ in what is remembered and where they end. Nothing here waits for the
canary: one that never comes up must not keep a run from ending.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from gitops_agent.rollout import replica_counts
from gitops_agent.rollout.replica_counts import ReplicaCounts
from gitops_agent.rollout.state import Phase, Rejected, RolloutState, Share, Stage
from gitops_agent.rollout.step_context import StepContext

REMEMBERED = 32
"""Rejected versions that are kept; a status has to stay small."""


def leave(ctx: StepContext, phase: Phase, reason: str, **changes: Any) -> RolloutState:
    """Enters a way out: matches go at once, weight as pods allow.

    Traffic is taken back in the same step, since every further one is a second of errors.
    """
    if ctx.state.phase is Phase.PENDING:
        # Nothing was made: a way out by its traffic would make it first.
        return ctx.enter(phase, Stage.WORKLOAD, reason=reason, full=False, **changes)
    traffic = changes.pop("traffic", ctx.state.traffic)
    left = replace(ctx, state=replace(ctx.state, traffic=traffic))
    changes["traffic"] = left.wanting(Share(weight=traffic.want.weight))
    changes.setdefault("resume", Stage.NONE)
    changes["promoted"] = False
    # Entered first: how long the stage before had lasted says nothing about this one.
    entered = replace(ctx, state=ctx.enter(phase, Stage.UNROUTE, reason=reason, full=False, **changes))
    return replace(entered.state, traffic=entered.wanting(Share(weight=least(entered))))


def abort(ctx: StepContext, reason: str) -> RolloutState:
    """Rejects the target and enters its way out."""
    target = ctx.state.target
    rejected = ctx.state.rejected
    if target is not None and not ctx.state.rejects(target):
        entry = Rejected(hash=target.hash, commit=target.commit, reason=reason, at=ctx.now, together=ctx.state.together)
        rejected = (*rejected, entry)[-REMEMBERED:]
    return leave(ctx, Phase.ABORT, reason, rejected=rejected)


def leaving(ctx: StepContext) -> RolloutState | None:
    """The next stage of a way out."""
    stage = ctx.state.stage
    if stage is Stage.UNROUTE:
        return unroute(ctx)
    if stage is Stage.DRAIN:
        # What was verified can be undone by hand; then it is repaired first and drained anew.
        return ctx.enter(ctx.state.phase, Stage.SERVICE, reason=ctx.state.reason) if ctx.drained else None
    if stage is Stage.SERVICE:
        gone = not ctx.seen.canary_service and ctx.state.traffic.verified
        return ctx.enter(ctx.state.phase, Stage.WORKLOAD, reason=ctx.state.reason, canary=0, primary=None) if gone else None
    return None if ctx.seen.leavings else _end(ctx)


def unroute(ctx: StepContext) -> RolloutState | None:
    """Takes traffic from the canary as fast as the workload has pods."""
    state = ctx.state
    share = state.traffic.want
    weight = least(ctx)
    if weight < share.weight or share.match or share.mirror:
        return replace(state, traffic=ctx.wanting(Share(weight=min(weight, share.weight))))
    if share.none and state.traffic.verified:
        return ctx.enter(state.phase, Stage.DRAIN, reason=state.reason)
    return _returned(ctx) if share.weight else None


def least(ctx: StepContext) -> int:
    """The smallest weight the canary must keep because the workload lacks pods."""
    weight = ctx.state.traffic.want.weight
    primary = ctx.seen.primary
    if not weight or not ctx.serving:
        return 0
    available = primary.available if primary else 0
    if ctx.overdue and (available or _waiting(ctx)):
        return 0
    # A workload that may miss all its pods still takes nothing back without any.
    missing = min(ctx.seen.max_unavailable, max(ctx.seen.replicas - 1, 0))
    if ctx.run.plain:
        return weight if available < ctx.seen.replicas - missing else 0
    return replica_counts.safe_weight(weight, available=available, replicas=ctx.seen.replicas, max_unavailable=missing)


def _waiting(ctx: StepContext) -> bool:
    """Whether another version waits to take over, which may fix the workload."""
    head = ctx.seen.head
    return head is not None and head not in {ctx.state.stable, ctx.state.target} and not ctx.state.rejects(head)


def _returned(ctx: StepContext) -> RolloutState | None:
    """Moves pods back to the workload behind a plain Service, one step."""
    if not ctx.run.plain:
        return None
    counts = ctx.moved(ReplicaCounts(canary=0, stable=ctx.seen.replicas))
    if (counts.canary, counts.stable) == (ctx.state.canary, ctx.state.primary):
        return None
    return replace(ctx.state, canary=counts.canary, primary=counts.stable)


def _end(ctx: StepContext) -> RolloutState:
    state, observation = ctx.state, ctx.seen
    fresh: dict[str, Any] = {"plan": None, "counters": (), "approvals": (), "primary": None, "canary": 0, "step": 0}
    fresh["together"] = ""
    if state.phase is Phase.FINALIZE:
        history = state.history if state.promoted else ctx.ended("Promoted")
        return ctx.enter(Phase.IDLE, stable=state.target, target=None, history=history, promoted=False, unproven=False, **fresh)
    if state.phase is Phase.ABORT:
        return ctx.enter(Phase.HELD, reason=state.reason, history=ctx.ended("RolledBack", state.reason), **fresh)
    stable = state.stable
    if observation.head is not None and stable is not None and observation.head.hash == stable.hash:
        stable = observation.head
    history = state.history if state.target == state.stable else ctx.ended("Superseded", state.reason)
    return ctx.enter(Phase.IDLE, stable=stable, target=None, history=history, **fresh)
