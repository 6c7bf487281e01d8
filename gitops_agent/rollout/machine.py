"""The rollout as a pure state machine: state, observation and time in, next state out.

One call makes at most one transition. What the cluster should look like then is D(t) of the new state (`rollout.compose`), and
nothing else says what to do. The caller writes the state first, applies D(t), looks again and calls again; killed anywhere in
between, the next call says the same. No phase waits for an event that the next look at the world would not show.
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
    """What one step came to.

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
    """The next state, and what goes with it.

    Args:
        state: as persisted last; `RolloutState()` when there is none.
        observation: what is the case, gathered after `state` was written.
        policy: what is wanted now; a run under way keeps to the policy it was started with.
        now: the time, UTC.

    Returns:
        The state (the same where nothing changed), and what goes with it.

    Raises:
        SpecInvalid: the plan inside the state is not readable.
    """
    sit = _situation(state, observation, policy, now)
    for look in (_clock, _routing, _counting, obey, _supersede, _loss):
        sit = replace(sit, state=look(sit))
    if sit.state.phase is state.phase and sit.state.stage is state.stage:
        move = first if sit.state.stable is None else _PHASES[sit.state.phase]
        sit = replace(sit, state=move(sit) or sit.state)
    # A transition may have fixed another plan, or ended the run.
    if sit.state.plan != state.plan:
        sit = replace(sit, run=run(policy if sit.state.plan is None else load_policy(sit.state.plan)))
    sit = replace(sit, state=_pairing(sit))
    return StepResult(state=sit.state, replicas=affordable(sit), measure=_measured(sit), wake_at=_wake_at(sit))


def still(state: RolloutState, observation: Observation, policy: RolloutPolicySpec, now: datetime) -> StepResult:
    """The result for a rollout in which nothing may move: the state and the live replicas; arguments as for `step`.

    Raises:
        SpecInvalid: the plan inside the state is not readable.
    """
    return StepResult(state=state, replicas=unchanged(_situation(state, observation, policy, now)))


def _situation(state: RolloutState, seen: Observation, policy: RolloutPolicySpec, now: datetime) -> StepContext:
    spec = policy if state.plan is None else load_policy(state.plan)
    return StepContext(state=state, seen=seen, policy=policy, run=run(spec), now=now)


def _clock(sit: StepContext) -> RolloutState:
    """A clock that was set back must not make a wait longer than it is: what lies ahead of now is moved to now."""
    state, since = sit.state, sit.state.entered_at
    verified = state.traffic.verified_at
    if verified is not None and verified > sit.now:
        state = replace(state, traffic=replace(state.traffic, verified_at=sit.now))
    if since is not None and since > sit.now:
        back: timedelta = since - sit.now
        state = replace(state, entered_at=sit.now, until=None if state.until is None else state.until - back)
    counters = tuple(_not_ahead(one, sit.now) for one in state.counters)
    return state if counters == state.counters else replace(state, counters=counters)


def _not_ahead(counter: Counter, now: datetime) -> Counter:
    return replace(counter, last_at=now) if counter.last_at is not None and counter.last_at > now else counter


def _routing(sit: StepContext) -> RolloutState:
    """Writes down whether the share that is wanted is in force; a verdict about another share is none."""
    seen, traffic = sit.seen.routing, sit.state.traffic
    if seen is None or seen.share != traffic.want or not sit.state.running:
        return sit.state
    ready = seen.verdict is Verdict.READY or _as_good_as_it_gets(sit)
    if ready and not traffic.verified:
        return replace(sit.state, traffic=Traffic(want=traffic.want, applied=traffic.want, verified_at=sit.now))
    if not ready and traffic.verified:
        return replace(sit.state, traffic=replace(traffic, verified_at=None))
    return sit.state


def _as_good_as_it_gets(sit: StepContext) -> bool:
    """Whether routes are what Git says and nothing will confirm it: no run may wait for that for ever.

    Whoever serves the routes may refuse them, and a plain Service without a single endpoint shows no share at all.
    """
    seen, traffic = sit.seen.routing, sit.state.traffic
    out = sit.state.leaving or sit.state.stage is Stage.BACK
    refused = seen is not None and seen.verdict is Verdict.ERROR
    empty = sit.run.plain and sit.silent
    if empty and sit.state.full and sit.ready and sit.state.phase is Phase.PROMOTE:
        # Nothing but the canary can answer, which is more than any share; whoever promoted it wants just that.
        return True
    patient = traffic.verified or sit.overdue or (empty and not sit.seen.replicas)
    return (refused or empty) and out and traffic.want.none and patient


def _counting(sit: StepContext) -> RolloutState:
    """Counts what was measured, while it is judged by."""
    state = sit.state
    if not state.running or state.stage not in _JUDGING or state.target is None:
        return state
    counters = counted(state.counters, sit.seen.measurements, version=state.target.hash, now=sit.now)
    return state if counters == state.counters else replace(state, counters=counters)


def _supersede(sit: StepContext) -> RolloutState:
    """A newer version takes over at once while the workload is still the old one; after that it waits."""
    state, head = sit.state, sit.seen.head
    if head is None or state.target is None or head == state.target:
        return state
    if not (state.beside or (state.cutting and not sit.run.rolling)):
        return state
    if head.hash == state.target.hash:
        return replace(state, target=head)
    back = state.stable is not None and head.hash == state.stable.hash
    return leave(sit, Phase.SUPERSEDED, "Git is back at the stable version" if back else f"{head.hash} is newer")


def _pairing(sit: StepContext) -> RolloutState:
    """As many new pods of the stable version as the canary has, from the begin of a run to the end of its steps."""
    state, pods = sit.state, 0
    if state.beside:
        pods = sit.run.baseline(state.canary, max(sit.seen.replicas, 1))
    return state if pods == state.baseline else replace(state, baseline=pods)


def _loss(sit: StepContext) -> RolloutState:
    return lost(sit) or sit.state if sit.state.running else sit.state


def _measured(sit: StepContext) -> tuple[str, ...]:
    """The metrics that are measured now."""
    state = sit.state
    judging = state.stage in {Stage.HOLD, Stage.CUT_HOLD, Stage.WATCH} or (sit.run.rolling and state.stage is Stage.ROLL)
    if not (state.running and judging and state.target is not None):
        return ()
    metrics = sit.run.lasting if state.stage is Stage.CUT_HOLD else sit.run.metrics
    return tuple(metric.name for metric in metrics)


def _wake_at(sit: StepContext) -> datetime | None:
    """The next time at which the clock alone could change something."""
    state = sit.state
    if not state.running:
        return None
    ends: list[datetime] = []
    if state.until is not None and state.entered_at is not None and state.phase is not Phase.PAUSED:
        ends.append(state.until)
    if state.entered_at is not None:
        deadline = sit.run.paused_deadline if state.phase is Phase.PAUSED else sit.run.deadline
        ends += [] if deadline is None else [state.entered_at + deadline]
    if state.traffic.verified_at is not None:
        ends.append(state.traffic.verified_at + sit.run.drain)
    return min((end for end in ends if end > sit.now), default=None)
