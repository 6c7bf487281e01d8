"""Promote: the canary carries the traffic (Cut) while the workload gets the new version (Roll), then gives it back (Back).

At every moment one side is known to be good and complete: in Cut the old workload, in Roll and Back the canary that was judged.
"""

from __future__ import annotations

from dataclasses import replace

from gitops_agent.rollout.metric_counters import CounterVerdict, find, fresh
from gitops_agent.rollout.phases.exit import abort, unroute
from gitops_agent.rollout.phases.step import grown
from gitops_agent.rollout.replica_counts import ReplicaCounts
from gitops_agent.rollout.state import Phase, RolloutState, Share, Stage
from gitops_agent.rollout.step_context import StepContext


def promoting(sit: StepContext) -> RolloutState | None:
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
    return stages[sit.state.stage](sit)


def restore(sit: StepContext, reason: str) -> RolloutState:
    """Brings the stable manifests back to the workload, behind the canary."""
    return sit.enter(Phase.PROMOTE, Stage.RESTORE, reason=reason)


def _cut_scale(sit: StepContext) -> RolloutState | None:
    replicas = max(sit.seen.replicas, 1)
    room = min(replicas, sit.run.limit(replicas))
    if sit.run.plain and room < replicas:
        # Not enough room for a full canary: the workload is rolled with the share the last step left.
        return sit.enter(Phase.PROMOTE, Stage.CUT_ROUTE) if sit.seen.barrier and (_free(sit) or _hopeless(sit)) else None
    if sit.run.plain:
        moved = sit.moved(ReplicaCounts(canary=room, stable=sit.seen.replicas))
        if (moved.canary, moved.stable) != (sit.state.canary, sit.state.primary):
            return replace(sit.state, canary=moved.canary, primary=moved.stable)
    elif (more := grown(sit, room)) is not None:
        return more
    if sit.ready and sit.state.canary >= room and (_free(sit) or _hopeless(sit)) and sit.seen.barrier:
        weight = max(sit.run.cut(replicas), sit.state.traffic.want.weight)
        return sit.enter(Phase.PROMOTE, Stage.CUT_ROUTE, traffic=sit.wanting(Share(weight=weight)))
    if sit.overdue and not sit.ready:
        return abort(sit, f"the canary did not scale in time: {sit.missing}")
    return None


def _free(sit: StepContext) -> bool:
    """Whether the workload is whole, so that everything could be switched back to it."""
    primary = sit.seen.primary
    return primary is not None and (
        sit.state.primary is None
        or (primary.replicas == sit.state.primary and primary.available >= sit.state.primary - sit.seen.max_unavailable)
    )


def _hopeless(sit: StepContext) -> bool:
    """Whether the workload is not worth waiting for: it does not come up in time, or somebody asked and none of it serves."""
    return sit.overdue or (sit.state.full and sit.silent)


def _cut_route(sit: StepContext) -> RolloutState | None:
    if sit.state.traffic.verified:
        counters = fresh(sit.state.counters, sit.run.metrics)
        # What follows ends pods that had traffic a moment ago: requests in flight get their time, however short the delay is.
        return sit.enter(Phase.PROMOTE, Stage.CUT_HOLD, wait=max(sit.run.delay, sit.run.drain), counters=counters)
    if sit.refused:
        return abort(sit, sit.refused)
    if sit.short:
        return sit.enter(Phase.PROMOTE, Stage.CUT_SCALE, traffic=sit.wanting(sit.state.traffic.applied), reason=sit.missing)
    return abort(sit, "the routes did not take up the weight in time") if sit.overdue else None


def _cut_hold(sit: StepContext) -> RolloutState | None:
    found, why = find(sit.state.counters, sit.run.lasting)
    if found in {CounterVerdict.FAILED, CounterVerdict.UNSURE}:
        return abort(sit, why)
    replicas = max(sit.seen.replicas, 1)
    if not sit.run.plain and (more := grown(sit, min(replicas, sit.run.limit(replicas)))) is not None:
        return more
    # A share that was taken away meanwhile and has come back is as new as one that comes for the first time.
    if sit.waited and found is CounterVerdict.PASSED and sit.ready and sit.drained and sit.seen.barrier:
        return sit.enter(Phase.PROMOTE, Stage.ROLL)
    if not sit.state.traffic.verified and sit.waited and sit.overdue:
        return abort(sit, sit.refused or "the routes lost the weight and do not take it up again")
    return None


def _roll(sit: StepContext) -> RolloutState | None:
    primary = sit.seen.primary
    if not (sit.run.rolling or sit.state.traffic.verified or sit.at(sit.state.target)):
        # Decided, but not begun before the share was taken away: the old pods have traffic again.
        return sit.enter(Phase.PROMOTE, Stage.CUT_HOLD)
    if sit.at(sit.state.target) and primary is not None:
        if primary.failed:
            return restore(sit, f"the workload did not take the new version: {primary.failed}")
        if primary.complete and sit.seen.applied == sit.state.target:
            if sit.run.rolling:
                counters = fresh(sit.state.counters, sit.run.metrics)
                return sit.enter(Phase.PROMOTE, Stage.WATCH, counters=counters)
            return sit.enter(Phase.PROMOTE, Stage.BACK)
    if sit.overdue:
        why = f": {primary.hindered}" if primary is not None and primary.hindered else ""
        return restore(sit, f"the workload did not take the new version in time{why}")
    if sit.run.rolling:
        counters = sit.state.counters or fresh((), sit.run.metrics)
        found, why = find(counters, sit.run.metrics)
        if found is CounterVerdict.FAILED:
            return restore(sit, why)
        return replace(sit.state, counters=counters) if counters != sit.state.counters else None
    return None


def _watch(sit: StepContext) -> RolloutState | None:
    found, why = find(sit.state.counters, sit.run.metrics)
    if found in {CounterVerdict.FAILED, CounterVerdict.UNSURE}:
        return restore(sit, why)
    if sit.seen.primary is not None and sit.seen.primary.failed:
        return restore(sit, sit.seen.primary.failed)
    return sit.enter(Phase.FINALIZE, Stage.WORKLOAD) if found is CounterVerdict.PASSED else None


def _restore(sit: StepContext) -> RolloutState | None:
    primary = sit.seen.primary
    # A stable version that was broken before does not come up now either; then the next one must not wait for it.
    if sit.at(sit.state.stable) and primary is not None and (primary.complete or sit.overdue):
        return abort(sit, sit.state.reason)
    return None


def _back(sit: StepContext) -> RolloutState | None:
    if sit.state.traffic.want.none and sit.drained:
        return sit.enter(Phase.FINALIZE, Stage.SERVICE)
    if sit.state.traffic.want.weight and sit.serving and sit.unreachable and not sit.overdue:
        # All pods are new; who sends them requests may still know the old ones.
        return None
    following = unroute(sit)
    # The way out enters Drain once nothing is routed; here that wait is part of Back itself.
    return None if following is not None and following.stage is Stage.DRAIN else following
