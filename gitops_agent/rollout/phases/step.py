"""Provision, Step and Paused: the canary beside the workload, with a growing share of the traffic."""

from __future__ import annotations

from dataclasses import replace

from gitops_agent.rollout import replica_counts
from gitops_agent.rollout.metric_counters import CounterVerdict, find, fresh
from gitops_agent.rollout.phases.exit import abort, least
from gitops_agent.rollout.state import Phase, RolloutState, Share, Stage
from gitops_agent.rollout.step_context import StepContext


def provision(sit: StepContext) -> RolloutState | None:
    """Provision: the second Deployment comes up, without traffic."""
    if sit.ready and sit.paired:
        return _next(sit, 0)
    if sit.overdue:
        return abort(sit, f"the canary did not come up in time: {sit.missing}")
    return grown(sit, sit.run.scale(0, max(sit.seen.replicas, 1))) or _told(sit)


def stepping(sit: StepContext) -> RolloutState | None:
    """Step: scale, then route, then hold."""
    if sit.state.full:
        return sit.enter(Phase.PROMOTE, Stage.CUT_SCALE)
    if sit.state.stage is Stage.SCALE:
        return _scale(sit)
    if sit.state.stage is Stage.ROUTE:
        return _route(sit)
    return _hold(sit)


def paused(sit: StepContext) -> RolloutState | None:
    """Paused: nothing moves, but a share that was lost with its pods comes back with them."""
    deadline = sit.run.paused_deadline
    if deadline is not None and sit.state.entered_at is not None and sit.now >= sit.state.entered_at + deadline:
        return abort(sit, "nobody resumed the rollout in time")
    if sit.state.resume is not Stage.HOLD:
        return None
    if sit.ready and sit.state.traffic.want != sit.share:
        return replace(sit.state, traffic=sit.wanting(sit.share))
    return None if sit.run.plain else grown(sit, sit.run.scale(sit.state.step, max(sit.seen.replicas, 1)))


def pause(sit: StepContext, reason: str) -> RolloutState:
    """Pauses a step; it goes on where it was."""
    return replace(sit.enter(Phase.PAUSED, reason=reason), resume=sit.state.stage or Stage.SCALE, until=sit.state.until)


def resume(sit: StepContext) -> RolloutState:
    """Goes on after a pause: what was left of a Hold is left still, and what paused it is forgiven."""
    state = sit.state
    left = None
    if state.until is not None and state.entered_at is not None:
        left = state.until - state.entered_at
    counters = tuple(replace(one, inconclusive=0, consecutive_errors=0) for one in state.counters)
    return sit.enter(Phase.STEP, state.resume or Stage.SCALE, wait=left, counters=counters, resume=Stage.NONE)


def grown(sit: StepContext, pods: int) -> RolloutState | None:
    """More canary pods, when the workload grew; never fewer while they may have traffic."""
    return replace(sit.state, canary=pods) if pods > sit.state.canary else None


def _next(sit: StepContext, step: int) -> RolloutState:
    if step >= len(sit.run.steps):
        return sit.enter(Phase.PROMOTE, Stage.CUT_SCALE)
    pods = sit.state.canary if sit.run.plain else max(sit.state.canary, sit.run.scale(step, max(sit.seen.replicas, 1)))
    return sit.enter(Phase.STEP, Stage.SCALE, step=step, canary=pods)


def _scale(sit: StepContext) -> RolloutState | None:
    share = sit.share
    if sit.run.plain:
        moved = _moved(sit)
        if moved is not None:
            return moved
        arrived = _arrived(sit)
    else:
        more = grown(sit, sit.run.scale(sit.state.step, max(sit.seen.replicas, 1)))
        if more is not None:
            return more
        arrived = sit.ready and sit.paired
    if arrived:
        return sit.enter(Phase.STEP, Stage.ROUTE, traffic=sit.wanting(share))
    if sit.overdue:
        if sit.ready and sit.lacking:
            return pause(sit, sit.lacking)
        return abort(sit, f"the canary did not scale in time: {sit.missing}")
    return _told(sit)


def _told(sit: StepContext) -> RolloutState | None:
    """Writes down, once, why its controller cannot make the canary's pods; the words name a pod, another one at each try."""
    canary = sit.seen.canary
    why = (canary.failed or canary.hindered) if canary else ""
    return replace(sit.state, reason=why) if why and not sit.state.reason else None


def _moved(sit: StepContext) -> RolloutState | None:
    """One step towards the numbers of a plain Service's weight; the first pod that serves gets its share at once.

    Every ready pod behind a plain Service gets the same number of requests, so a canary that is still small cannot be
    overrun, and the workload need not be short of pods before the canary answers. A weight of 0 waits for the pods of the
    workload, and the last canary pod for that.
    """
    state = sit.state
    goal = replica_counts.ratio(sit.seen.replicas, sit.share.weight, surge=sit.run.surge_percent > 0)
    if goal.refused:
        return abort(sit, goal.refused)
    if state.traffic.want != sit.share and (sit.serving if sit.share.weight else not least(sit)):
        return replace(state, traffic=sit.wanting(sit.share))
    asked = sit.moved(goal)
    if (asked.canary, asked.stable) == (state.canary, sit.seen.replicas if state.primary is None else state.primary):
        return None
    return replace(state, canary=asked.canary, primary=asked.stable, reason=goal.warning)


def _arrived(sit: StepContext) -> bool:
    goal = replica_counts.ratio(sit.seen.replicas, sit.share.weight, surge=sit.run.surge_percent > 0)
    primary = sit.seen.primary
    stable = sit.seen.replicas if sit.state.primary is None else sit.state.primary
    if primary is None or (sit.state.canary, stable) != (goal.canary, goal.stable):
        return False
    return sit.ready and primary.replicas == stable and primary.available >= stable - sit.seen.max_unavailable


def _route(sit: StepContext) -> RolloutState | None:
    if sit.state.traffic.want != sit.share:
        return sit.enter(Phase.STEP, Stage.SCALE)
    if sit.state.traffic.verified:
        return sit.enter(
            Phase.STEP,
            Stage.HOLD,
            wait=sit.run.steps[sit.state.step].pause,
            counters=fresh(sit.state.counters, sit.run.metrics),
        )
    if sit.refused:
        return abort(sit, sit.refused)
    if sit.short:
        return sit.enter(Phase.STEP, Stage.SCALE, traffic=sit.wanting(sit.state.traffic.applied), reason=sit.missing)
    if sit.overdue and sit.run.plain and sit.ready and sit.lacking:
        return pause(sit, sit.lacking)
    if sit.overdue:
        routing = sit.seen.routing
        return abort(sit, f"the routes did not take up the weight in time: {routing.reason if routing else 'not seen'}")
    return None


def _hold(sit: StepContext) -> RolloutState | None:
    step = sit.run.steps[sit.state.step]
    found, why = find(sit.state.counters, sit.run.metrics)
    if found is CounterVerdict.FAILED:
        return abort(sit, why)
    if found is CounterVerdict.UNSURE:
        return pause(sit, why)
    if sit.state.traffic.want != sit.share:
        return sit.enter(Phase.STEP, Stage.SCALE)
    if sit.run.plain:
        goal = replica_counts.ratio(sit.seen.replicas, sit.share.weight, surge=sit.run.surge_percent > 0)
        stable = sit.seen.replicas if sit.state.primary is None else sit.state.primary
        if (goal.canary, goal.stable) != (sit.state.canary, stable):
            return sit.enter(Phase.STEP, Stage.SCALE)
    else:
        more = grown(sit, sit.run.scale(sit.state.step, max(sit.seen.replicas, 1)))
        if more is not None:
            return more
    approved = not step.approval or sit.state.approved
    judged = not step.analysis or found is CounterVerdict.PASSED
    if sit.waited and approved and judged and sit.ready and sit.state.traffic.verified:
        return _next(sit, sit.state.step + 1)
    return None


def lost(sit: StepContext) -> RolloutState | None:
    """Takes all traffic from a canary that cannot answer; the step gets it back when the pods are back."""
    if sit.state.traffic.want.none or sit.serving:
        return None
    empty = sit.wanting(Share())
    if sit.state.phase is Phase.STEP:
        return sit.enter(Phase.STEP, Stage.SCALE, traffic=empty, reason="the canary has no available pod")
    if sit.state.phase is Phase.PROMOTE and sit.state.stage in {Stage.CUT_ROUTE, Stage.CUT_HOLD}:
        return sit.enter(Phase.PROMOTE, Stage.CUT_SCALE, traffic=empty, reason="the canary has no available pod")
    return replace(sit.state, traffic=empty)
