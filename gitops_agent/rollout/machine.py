"""Pure state machine of a rollout: state, observation, time → next state.

One call makes at most one transition. What the cluster should look like then is D(t) of the new state (`rollout.compose`), and
nothing else says what to do. The caller writes the state first, applies D(t), looks again and calls again; killed anywhere in
between, the next call says the same. No phase waits for an event that the next observation would not show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.command_rules import obey
from gitops_agent.rollout.metric_counters import counted
from gitops_agent.rollout.observation import Observation
from gitops_agent.rollout.phases.exit import leave, leaving
from gitops_agent.rollout.phases.idle import first, held, idle, pending
from gitops_agent.rollout.phases.promote import promoting
from gitops_agent.rollout.phases.step import lost, paused, provision, stepping
from gitops_agent.rollout.replicas import Replicas, affordable, unchanged
from gitops_agent.rollout.run_plan import load_policy, run
from gitops_agent.rollout.state import Counter, Phase, RolloutState, Stage, Traffic
from gitops_agent.rollout.step_context import StepContext
from gitops_agent.rollout.traffic.router import Verdict

_PHASES: Mapping[Phase, Callable[[StepContext], RolloutState | None]] = {
    Phase.IDLE: idle,
    Phase.PENDING: pending,
    Phase.PROVISION: provision,
    Phase.STEP: stepping,
    Phase.PAUSED: paused,
    Phase.PROMOTE: promoting,
    Phase.FINALIZE: leaving,
    Phase.ABORT: leaving,
    Phase.SUPERSEDED: leaving,
    Phase.HELD: held,
}
_JUDGING = frozenset({Stage.HOLD, Stage.CUT_HOLD, Stage.ROLL, Stage.WATCH})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """Result of one step.

    Attributes:
        state: to be written before anything is done in its name.
        replicas: those D(t) may have now.
        measure: names of the metrics to keep measuring of the target.
        wake_at: when to step again though nothing else happens.
    """

    state: RolloutState
    replicas: Replicas
    measure: tuple[str, ...] = ()
    wake_at: datetime | None = None


def step(state: RolloutState, observation: Observation, policy: RolloutPolicySpec, now: datetime) -> StepResult:
    """One step: at most one transition.

    Args:
        state: as persisted last; `RolloutState()` when there is none.
        observation: made after `state` was written.
        policy: what is wanted now; a run that has begun keeps to the policy it was started with.
        now: the time, UTC.

    Returns:
        The state (the same where nothing changed), and what goes with it.

    Raises:
        SpecInvalid: the plan inside the state is not readable.
    """
    ctx = _context(state, observation, policy, now)
    for look in (_clock, _proven, _routing, _counting, obey, _forgiven, _supersede, _loss):
        ctx = replace(ctx, state=look(ctx))
    if ctx.state.phase is state.phase and ctx.state.stage is state.stage:
        move = first if ctx.state.stable is None else _PHASES[ctx.state.phase]
        ctx = replace(ctx, state=move(ctx) or ctx.state)
    # A transition may have fixed another plan, or ended the run.
    if ctx.state.plan != state.plan:
        ctx = replace(ctx, run=run(policy if ctx.state.plan is None else load_policy(ctx.state.plan)))
    ctx = replace(ctx, state=_pairing(ctx))
    return StepResult(state=ctx.state, replicas=affordable(ctx), measure=_measured(ctx), wake_at=_wake_at(ctx))


def still(state: RolloutState, observation: Observation, policy: RolloutPolicySpec, now: datetime) -> StepResult:
    """The result for a frozen rollout: its state and the live replicas.

    Raises:
        SpecInvalid: the plan inside the state is not readable.
    """
    return StepResult(state=state, replicas=unchanged(_context(state, observation, policy, now)))


def _context(state: RolloutState, seen: Observation, policy: RolloutPolicySpec, now: datetime) -> StepContext:
    spec = policy if state.plan is None or state.phase is Phase.PENDING else load_policy(state.plan)
    return StepContext(state=state, seen=seen, policy=policy, run=run(spec), now=now)


def _clock(ctx: StepContext) -> RolloutState:
    """Moves times ahead to now, after the clock was set back."""
    state, since = ctx.state, ctx.state.entered_at
    verified = state.traffic.verified_at
    if verified is not None and verified > ctx.now:
        state = replace(state, traffic=replace(state.traffic, verified_at=ctx.now))
    if since is not None and since > ctx.now:
        back: timedelta = since - ctx.now
        state = replace(state, entered_at=ctx.now, until=None if state.until is None else state.until - back)
    counters = tuple(_not_ahead(counter, ctx.now) for counter in state.counters)
    return state if counters == state.counters else replace(state, counters=counters)


def _not_ahead(counter: Counter, now: datetime) -> Counter:
    return replace(counter, last_at=now) if counter.last_at is not None and counter.last_at > now else counter


def _proven(ctx: StepContext) -> RolloutState:
    """Records before a run that the first version came up."""
    rests = ctx.state.phase in {Phase.IDLE, Phase.PENDING, Phase.HELD}
    if ctx.state.unproven and rests and ctx.seen.primary is not None and ctx.seen.primary.available:
        return replace(ctx.state, unproven=False)
    return ctx.state


def _routing(ctx: StepContext) -> RolloutState:
    """Records whether the wanted share is in force."""
    routing, traffic = ctx.seen.routing, ctx.state.traffic
    if routing is None or routing.share != traffic.want or not ctx.state.running:
        return ctx.state
    # While the workload rolls behind a shared Service, its own surge is no sign of pods that are to go.
    settled = not ctx.surplus or not (ctx.state.in_steps or ctx.state.cutting)
    ready = (routing.verdict is Verdict.READY and settled) or _as_good_as_it_gets(ctx)
    if ready and not traffic.verified:
        return replace(ctx.state, traffic=Traffic(want=traffic.want, applied=traffic.want, verified_at=ctx.now))
    if not ready and traffic.verified:
        return replace(ctx.state, traffic=replace(traffic, verified_at=None))
    return ctx.state


def _as_good_as_it_gets(ctx: StepContext) -> bool:
    """Whether unconfirmed routes count as in force, so that the run ends.

    The controller of the routes may refuse them, and a plain Service without an endpoint shows no share at all. One that is
    gone sends no request anywhere.
    """
    routing, traffic = ctx.seen.routing, ctx.state.traffic
    out = ctx.state.leaving or ctx.state.stage is Stage.BACK
    refused = routing is not None and routing.verdict is Verdict.ERROR
    empty = ctx.run.plain and ctx.silent
    if empty and ctx.state.full and ctx.ready and ctx.state.phase is Phase.PROMOTE:
        # Nothing but the canary can answer, which is more than any share; a promotion by hand asks for just that.
        return True
    if not ctx.seen.service and ctx.run.routeless and out and traffic.want.none:
        return True
    patient = traffic.verified or ctx.overdue or (empty and not ctx.seen.replicas)
    return (refused or empty) and out and traffic.want.none and patient


def _counting(ctx: StepContext) -> RolloutState:
    """Counts measurements while the run is judged."""
    state = ctx.state
    if not state.running or state.stage not in _JUDGING or state.target is None or state.promoted:
        return state
    counters = counted(state.counters, ctx.seen.measurements, version=state.target.hash, now=ctx.now)
    return state if counters == state.counters else replace(state, counters=counters)


def _forgiven(ctx: StepContext) -> RolloutState:
    """Forgives versions given up with another one that is corrected now.

    They had no fault of their own, and the commit declares both together.
    """
    rejected = tuple(rejection for rejection in ctx.state.rejected if rejection.together not in ctx.seen.corrected)
    return ctx.state if rejected == ctx.state.rejected else replace(ctx.state, rejected=rejected)


def _supersede(ctx: StepContext) -> RolloutState:
    """Supersedes the target by a newer version while the workload is untouched."""
    state, head = ctx.state, ctx.seen.head
    if head is None or state.target is None or head == state.target:
        return state
    if not (state.beside or state.cutting):
        return state
    if head.hash == state.target.hash:
        return replace(state, target=head)
    if ctx.newer and state.stage is Stage.CUT_HOLD and state.traffic.verified and ctx.ready:
        # The newer one starts from this one, which is stable: its promotion ends early instead.
        return state
    back = state.stable is not None and head.hash == state.stable.hash
    return leave(ctx, Phase.SUPERSEDED, "Git is back at the stable version" if back else f"{head.hash} is newer")


def _pairing(ctx: StepContext) -> RolloutState:
    """Sizes the baseline like the canary, until the steps end."""
    state, pods = ctx.state, 0
    if state.beside:
        pods = ctx.run.baseline(state.canary, max(ctx.seen.replicas, 1))
    return state if pods == state.baseline else replace(state, baseline=pods)


def _loss(ctx: StepContext) -> RolloutState:
    return lost(ctx) or ctx.state if ctx.state.running else ctx.state


def _measured(ctx: StepContext) -> tuple[str, ...]:
    """The metrics that are measured now."""
    state = ctx.state
    judging = state.stage in {Stage.HOLD, Stage.CUT_HOLD, Stage.WATCH} or (ctx.run.rolling and state.stage is Stage.ROLL)
    if not (state.running and judging and state.target is not None) or state.promoted:
        return ()
    metrics = ctx.run.lasting if state.stage is Stage.CUT_HOLD else ctx.run.metrics
    return tuple(metric.name for metric in metrics)


def _wake_at(ctx: StepContext) -> datetime | None:
    """The next time at which the clock alone could change something."""
    state = ctx.state
    if not state.running:
        return None
    ends: list[datetime] = []
    if state.until is not None and state.entered_at is not None and state.phase is not Phase.PAUSED:
        ends.append(state.until)
    if state.entered_at is not None:
        deadline = ctx.run.paused_deadline if state.phase is Phase.PAUSED else ctx.run.deadline
        ends += [] if deadline is None else [state.entered_at + deadline]
    if state.traffic.verified_at is not None:
        ends.append(state.traffic.verified_at + ctx.run.drain)
    return min((end for end in ends if end > ctx.now), default=None)
