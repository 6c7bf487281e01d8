"""Provision, Step and Paused: the canary beside the workload."""

from __future__ import annotations

from dataclasses import replace

from gitops_agent.rollout import replica_counts
from gitops_agent.rollout.metric_counters import CounterVerdict, find, fresh
from gitops_agent.rollout.observation import WorkloadStatus
from gitops_agent.rollout.phases.exit import abort, least
from gitops_agent.rollout.state import Phase, RolloutState, Share, Stage
from gitops_agent.rollout.step_context import StepContext

_NO_REPLICAS = "the workload is scaled to zero"


def provision(ctx: StepContext) -> RolloutState | None:
    """Provision: the second Deployment comes up, without traffic."""
    if ctx.ready and ctx.paired:
        return _next(ctx, 0)
    if ctx.overdue:
        return abort(ctx, f"the canary did not come up in time: {ctx.missing}")
    return sized(ctx, ctx.run.scale(0, max(ctx.seen.replicas, 1))) or recorded(ctx, ctx.seen.canary)


def stepping(ctx: StepContext) -> RolloutState | None:
    """Step: scale, then route, then hold."""
    if ctx.state.full:
        return ctx.enter(Phase.PROMOTE, Stage.CUT_SCALE)
    if ctx.state.stage is Stage.SCALE:
        return _scale(ctx)
    if ctx.state.stage is Stage.ROUTE:
        return _route(ctx)
    return _hold(ctx)


def paused(ctx: StepContext) -> RolloutState | None:
    """Paused: nothing moves; a share lost with its pods returns with them."""
    deadline = ctx.run.paused_deadline
    if deadline is not None and ctx.state.entered_at is not None and ctx.now >= ctx.state.entered_at + deadline:
        return abort(ctx, "the rollout was not resumed in time")
    if ctx.state.resume is not Stage.HOLD:
        return None
    if ctx.ready and ctx.state.traffic.want != ctx.share:
        return replace(ctx.state, traffic=ctx.wanting(ctx.share))
    return None if ctx.run.plain else sized(ctx, _pods(ctx))


def pause(ctx: StepContext, reason: str) -> RolloutState:
    """Pauses a step; it continues where it was."""
    return replace(ctx.enter(Phase.PAUSED, reason=reason), resume=ctx.state.stage or Stage.SCALE, until=ctx.state.until)


def resume(ctx: StepContext) -> RolloutState:
    """Resumes a step with the rest of its wait, forgiving inconclusive measurements."""
    state = ctx.state
    left = None
    if state.until is not None and state.entered_at is not None:
        left = state.until - state.entered_at
    counters = tuple(replace(counter, inconclusive=0, consecutive_errors=0) for counter in state.counters)
    return ctx.enter(Phase.STEP, state.resume or Stage.SCALE, wait=left, counters=counters, resume=Stage.NONE)


def sized(ctx: StepContext, pods: int) -> RolloutState | None:
    """The canary pods, as the replicas of the workload changed.

    With an autoscaler they only grow: it would take pods away from a share that is on its way to them.
    """
    if pods == ctx.state.canary or (pods < ctx.state.canary and ctx.seen.autoscaled):
        return None
    return replace(ctx.state, canary=pods)


def _pods(ctx: StepContext) -> int:
    """The canary pods of a step whose share is routed."""
    return ctx.run.reached(ctx.state.step, max(ctx.seen.replicas, 1))


def _next(ctx: StepContext, step: int) -> RolloutState:
    if step >= len(ctx.run.steps):
        return ctx.enter(Phase.PROMOTE, Stage.CUT_SCALE)
    pods = ctx.state.canary if ctx.run.plain else max(ctx.state.canary, ctx.run.scale(step, max(ctx.seen.replicas, 1)))
    return ctx.enter(Phase.STEP, Stage.SCALE, step=step, canary=pods)


def _scale(ctx: StepContext) -> RolloutState | None:
    share = ctx.share
    if ctx.run.plain:
        moved = _moved(ctx)
        if moved is not None:
            # Time without replicas is no time in which pods did not come up.
            grows = ctx.state.reason == _NO_REPLICAS and ctx.seen.replicas
            return moved if not grows else replace(moved, entered_at=ctx.now, reason="")
        if not ctx.seen.replicas:
            return None if ctx.state.reason == _NO_REPLICAS else replace(ctx.state, reason=_NO_REPLICAS)
        arrived = _arrived(ctx)
    else:
        more = sized(ctx, _pods(ctx))
        if more is not None:
            return more
        arrived = ctx.ready and ctx.paired
    if arrived:
        return ctx.enter(Phase.STEP, Stage.ROUTE, traffic=ctx.wanting(share))
    if ctx.overdue:
        if ctx.ready and ctx.lacking:
            return pause(ctx, ctx.lacking)
        return abort(ctx, f"the canary did not scale in time: {ctx.missing}")
    return recorded(ctx, ctx.seen.canary)


def recorded(ctx: StepContext, pods: WorkloadStatus | None) -> RolloutState | None:
    """Records why pods do not come up; it outlives them."""
    why = pods.trouble if pods is not None else ""
    return replace(ctx.state, reason=why) if why and why != ctx.state.reason else None


def _moved(ctx: StepContext) -> RolloutState | None:
    """Moves one step towards the pod counts of a plain Service's weight.

    The first pod that serves gets its share at once.

    Every ready pod behind a plain Service gets the same number of requests, so a canary that is still small cannot be
    overrun, and the workload need not be short of pods before the canary answers. A weight of 0 waits for the pods of the
    workload, and the last canary pod for that.
    """
    state = ctx.state
    goal = replica_counts.ratio(ctx.seen.replicas, ctx.share.weight, surge=ctx.run.surge_percent > 0)
    if goal.refused:
        return abort(ctx, goal.refused)
    if not ctx.seen.replicas:
        # Nothing has to serve any more, so nothing has to be waited for.
        emptied = replace(state, traffic=ctx.wanting(Share()), canary=0, primary=0)
        return None if emptied == state else emptied
    if state.traffic.want != ctx.share and (ctx.serving if ctx.share.weight else not least(ctx)):
        return replace(state, traffic=ctx.wanting(ctx.share))
    counts = ctx.moved(goal)
    # The numbers are the share, so both stand in the state, also where nothing moves.
    if (counts.canary, counts.stable) == (state.canary, state.primary):
        return None
    return replace(state, canary=counts.canary, primary=counts.stable, reason=goal.warning)


def _arrived(ctx: StepContext) -> bool:
    goal = replica_counts.ratio(ctx.seen.replicas, ctx.share.weight, surge=ctx.run.surge_percent > 0)
    primary = ctx.seen.primary
    stable = ctx.seen.replicas if ctx.state.primary is None else ctx.state.primary
    if primary is None or (ctx.state.canary, stable) != (goal.canary, goal.stable):
        return False
    return ctx.ready and primary.replicas == stable and primary.available >= stable - ctx.seen.max_unavailable


def _route(ctx: StepContext) -> RolloutState | None:
    if ctx.state.traffic.want != ctx.share:
        return ctx.enter(Phase.STEP, Stage.SCALE)
    if ctx.state.traffic.verified:
        return ctx.enter(
            Phase.STEP,
            Stage.HOLD,
            wait=ctx.run.steps[ctx.state.step].pause,
            counters=fresh(ctx.state.counters, ctx.run.metrics),
        )
    if ctx.refused:
        return abort(ctx, ctx.refused)
    if ctx.short:
        return ctx.enter(Phase.STEP, Stage.SCALE, traffic=ctx.wanting(ctx.state.traffic.applied), reason=ctx.missing)
    if ctx.overdue and ctx.run.plain and ctx.ready and ctx.lacking:
        return pause(ctx, ctx.lacking)
    if ctx.overdue:
        return abort(ctx, f"the routes did not take up the weight in time: {_unsettled(ctx)}")
    return None


def _unsettled(ctx: StepContext) -> str:
    """Why the share is not in force, for people."""
    routing = ctx.seen.routing
    if routing is not None and routing.reason:
        return routing.reason
    pods = "1 pod of the workload that is" if ctx.surplus == 1 else f"{ctx.surplus} pods of the workload that are"
    return f"{pods} to go still {'serves' if ctx.surplus == 1 else 'serve'}" if ctx.surplus else "not seen"


def _hold(ctx: StepContext) -> RolloutState | None:
    step = ctx.run.steps[ctx.state.step]
    verdict, why = find(ctx.state.counters, ctx.run.metrics)
    if verdict is CounterVerdict.FAILED:
        return abort(ctx, why)
    if verdict is CounterVerdict.UNSURE:
        return pause(ctx, why)
    if ctx.state.traffic.want != ctx.share:
        return ctx.enter(Phase.STEP, Stage.SCALE)
    if ctx.run.plain:
        goal = replica_counts.ratio(ctx.seen.replicas, ctx.share.weight, surge=ctx.run.surge_percent > 0)
        stable = ctx.seen.replicas if ctx.state.primary is None else ctx.state.primary
        if (goal.canary, goal.stable) != (ctx.state.canary, stable):
            return ctx.enter(Phase.STEP, Stage.SCALE)
    else:
        more = sized(ctx, _pods(ctx))
        if more is not None:
            return more
    approved = not step.approval or ctx.state.approved
    judged = not step.analysis or verdict is CounterVerdict.PASSED
    if ctx.waited and approved and judged and ctx.ready and ctx.state.traffic.verified:
        return _next(ctx, ctx.state.step + 1)
    return None


def lost(ctx: StepContext) -> RolloutState | None:
    """Takes all traffic from a canary that cannot answer.

    The step returns it when the pods are back.
    """
    if ctx.state.traffic.want.none or ctx.serving:
        return None
    empty = ctx.wanting(Share())
    if ctx.state.phase is Phase.STEP:
        return ctx.enter(Phase.STEP, Stage.SCALE, traffic=empty, reason="the canary has no available pod")
    if ctx.state.phase is Phase.PROMOTE and ctx.state.stage in {Stage.CUT_ROUTE, Stage.CUT_HOLD}:
        return ctx.enter(Phase.PROMOTE, Stage.CUT_SCALE, traffic=empty, reason="the canary has no available pod")
    return replace(ctx.state, traffic=empty)
