"""Promote: the canary carries the traffic while the workload is updated.

At every moment one side is known to be good and complete: in Cut the old workload, in Roll and Back the canary that was judged.
"""

from __future__ import annotations

from dataclasses import replace

from gitops_agent.rollout.metric_counters import CounterVerdict, find, fresh
from gitops_agent.rollout.phases.exit import abort, unroute
from gitops_agent.rollout.phases.step import recorded, sized
from gitops_agent.rollout.replica_counts import ReplicaCounts
from gitops_agent.rollout.run_plan import dump_policy
from gitops_agent.rollout.state import Phase, RolloutState, Share, Stage
from gitops_agent.rollout.step_context import StepContext


def promoting(ctx: StepContext) -> RolloutState | None:
    """The next state of Promote."""
    stages = {
        Stage.CUT_SCALE: _cut_scale,
        Stage.CUT_ROUTE: _cut_route,
        Stage.CUT_HOLD: _cut_hold,
        Stage.ROLL: _roll,
        Stage.WATCH: _watch,
        Stage.RESTORE: _restore,
        Stage.BACK: _back,
    }
    return _grown(ctx) or _corrected(ctx) or stages[ctx.state.stage](ctx)


def restore(ctx: StepContext, reason: str) -> RolloutState:
    """Brings the stable manifests back to the workload, behind the canary."""
    return ctx.enter(Phase.PROMOTE, Stage.RESTORE, reason=reason, promoted=False)


def _grown(ctx: StepContext) -> RolloutState | None:
    """More pods for a serving canary whose workload grew."""
    carries = ctx.state.stage is Stage.ROLL and ctx.state.traffic.want.weight and ctx.state.traffic.verified
    if not carries or ctx.run.rolling or ctx.run.plain or _full(ctx) <= ctx.state.canary:
        return None
    return replace(ctx.state, canary=_full(ctx))


def _corrected(ctx: StepContext) -> RolloutState | None:
    """The next version at once, where none has been available yet.

    Neither serves, so the newer one need not wait for this one's deadline.
    """
    head, target = ctx.seen.head, ctx.state.target
    rolls = ctx.state.unproven and ctx.state.stage is Stage.ROLL
    if not rolls or head is None or target is None or head.hash == target.hash:
        return None
    if head == ctx.state.stable:
        return restore(ctx, "Git is back at the first version")
    history = ctx.ended("Superseded", f"{head.hash} is newer")
    return replace(ctx.state, target=head, plan=dump_policy(ctx.policy), entered_at=ctx.now, history=history)


def _cut_scale(ctx: StepContext) -> RolloutState | None:
    replicas = max(ctx.seen.replicas, 1)
    room = min(replicas, ctx.run.limit(replicas))
    if ctx.run.plain and room < replicas:
        # Not enough room for a full canary: the workload is rolled with the share the last step left.
        return ctx.enter(Phase.PROMOTE, Stage.CUT_ROUTE) if ctx.seen.barrier and (_free(ctx) or _hopeless(ctx)) else None
    if ctx.run.plain:
        moved = ctx.moved(ReplicaCounts(canary=room, stable=ctx.seen.replicas))
        if (moved.canary, moved.stable) != (ctx.state.canary, ctx.state.primary):
            return replace(ctx.state, canary=moved.canary, primary=moved.stable)
    elif (more := sized(ctx, _full(ctx))) is not None:
        return more
    if ctx.ready and ctx.state.canary >= room and (_free(ctx) or _hopeless(ctx)) and ctx.seen.barrier:
        weight = max(ctx.run.cut(replicas), ctx.state.traffic.want.weight)
        return ctx.enter(Phase.PROMOTE, Stage.CUT_ROUTE, traffic=ctx.wanting(Share(weight=weight)))
    if ctx.overdue and not ctx.ready:
        return abort(ctx, f"the canary did not scale in time: {ctx.missing}")
    return None


def _full(ctx: StepContext) -> int:
    """The pods of a canary that takes over.

    As far as the surge allows, and never fewer than its last step had.
    """
    replicas = max(ctx.seen.replicas, 1)
    return max(min(replicas, ctx.run.limit(replicas)), ctx.run.reached(ctx.state.step, replicas))


def _free(ctx: StepContext) -> bool:
    """Whether the workload is whole, so that all traffic could return."""
    primary = ctx.seen.primary
    return primary is not None and (
        ctx.state.primary is None
        or (primary.replicas == ctx.state.primary and primary.available >= ctx.state.primary - ctx.seen.max_unavailable)
    )


def _hopeless(ctx: StepContext) -> bool:
    """Whether the workload is not worth waiting for."""
    return ctx.overdue or (ctx.state.full and ctx.silent)


def _cut_route(ctx: StepContext) -> RolloutState | None:
    if ctx.state.traffic.verified:
        counters = fresh(ctx.state.counters, ctx.run.metrics)
        # What follows ends pods that had traffic a moment ago: requests in flight get their time, however short the delay is.
        return ctx.enter(Phase.PROMOTE, Stage.CUT_HOLD, wait=max(ctx.run.delay, ctx.run.drain), counters=counters)
    if ctx.refused:
        return abort(ctx, ctx.refused)
    if ctx.short:
        return ctx.enter(Phase.PROMOTE, Stage.CUT_SCALE, traffic=ctx.wanting(ctx.state.traffic.applied), reason=ctx.missing)
    return abort(ctx, "the routes did not take up the weight in time") if ctx.overdue else None


def _cut_hold(ctx: StepContext) -> RolloutState | None:
    verdict, why = find(ctx.state.counters, ctx.run.lasting)
    if verdict in {CounterVerdict.FAILED, CounterVerdict.UNSURE} and not ctx.state.promoted:
        return abort(ctx, why)
    if not ctx.run.plain and (more := sized(ctx, _full(ctx))) is not None:
        return more
    # A share that was taken away meanwhile and has come back is as new as one that comes for the first time.
    judged = ctx.state.promoted or ctx.state.decided or verdict is CounterVerdict.PASSED
    if judged and ctx.ready and ctx.drained and ctx.seen.barrier:
        if ctx.waited or ctx.state.decided or ctx.newer:
            return ctx.enter(Phase.PROMOTE, Stage.ROLL)
        # The delay keeps the old pods and nothing else.
        return None if ctx.state.promoted else replace(ctx.state, promoted=True, history=ctx.ended("Promoted"))
    if not ctx.state.traffic.verified and ctx.waited and ctx.overdue:
        return abort(ctx, ctx.refused or "the routes lost the weight and do not take it up again")
    return None


def _roll(ctx: StepContext) -> RolloutState | None:
    primary = ctx.seen.primary
    if ctx.seen.replicas and not (
        ctx.run.rolling or ctx.state.unproven or ctx.state.traffic.verified or ctx.at(ctx.state.target)
    ):
        # Decided, but not begun before the share was taken away: the old pods, if Git wants any, have traffic again.
        return ctx.enter(Phase.PROMOTE, Stage.CUT_HOLD)
    if ctx.at(ctx.state.target) and primary is not None:
        if primary.failed:
            return restore(ctx, f"the workload did not take the new version: {primary.trouble}")
        if primary.complete and ctx.seen.applied == ctx.state.target:
            if ctx.run.rolling:
                counters = fresh(ctx.state.counters, ctx.run.metrics)
                return ctx.enter(Phase.PROMOTE, Stage.WATCH, counters=counters)
            return ctx.enter(Phase.PROMOTE, Stage.BACK)
    if ctx.overdue:
        why = f": {primary.trouble}" if primary is not None and primary.trouble else ""
        return restore(ctx, f"the workload did not take the new version in time{why}")
    if ctx.run.rolling:
        counters = ctx.state.counters or fresh((), ctx.run.metrics)
        verdict, why = find(counters, ctx.run.metrics)
        if verdict is CounterVerdict.FAILED:
            return restore(ctx, why)
        if counters != ctx.state.counters:
            return replace(ctx.state, counters=counters)
    return recorded(ctx, primary) if ctx.at(ctx.state.target) else None


def _watch(ctx: StepContext) -> RolloutState | None:
    verdict, why = find(ctx.state.counters, ctx.run.metrics)
    if verdict in {CounterVerdict.FAILED, CounterVerdict.UNSURE}:
        return restore(ctx, why)
    if ctx.seen.primary is not None and ctx.seen.primary.failed:
        return restore(ctx, ctx.seen.primary.trouble)
    passed = ctx.state.decided or verdict is CounterVerdict.PASSED
    return ctx.enter(Phase.FINALIZE, Stage.WORKLOAD) if passed else None


def _restore(ctx: StepContext) -> RolloutState | None:
    primary = ctx.seen.primary
    # A stable version that was broken before does not come up now either; then the next one must not wait for it.
    if ctx.at(ctx.state.stable) and primary is not None and (primary.complete or ctx.overdue or ctx.state.unproven):
        return abort(ctx, ctx.state.reason)
    return None


def _back(ctx: StepContext) -> RolloutState | None:
    if ctx.state.traffic.want.none and ctx.drained:
        return ctx.enter(Phase.FINALIZE, Stage.SERVICE)
    if ctx.state.traffic.want.weight and ctx.serving and ctx.unreachable and not ctx.overdue:
        # All pods are new; who sends them requests may still know the old ones.
        return None
    following = unroute(ctx)
    # The way out enters Drain once nothing is routed; here that wait is part of Back itself.
    return None if following is not None and following.stage is Stage.DRAIN else following
