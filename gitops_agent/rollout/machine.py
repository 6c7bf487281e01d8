"""The rollout as a pure machine: where it stands, what is the case and the time in, where it stands then and what to do out.

One call makes at most one transition and says everything that the new state asks for. The caller writes the state first, acts
idempotently, looks again and calls again; killed anywhere in between, the next call says the same. No phase waits for an event
that the next look at the world would not show.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.rollout.actions import Action, Persist
from gitops_agent.rollout.command_rules import obey
from gitops_agent.rollout.duties import duties
from gitops_agent.rollout.metric_counters import counted
from gitops_agent.rollout.observation import Observation
from gitops_agent.rollout.phases.exit import leave, leaving
from gitops_agent.rollout.phases.idle import first, held, idle, pending
from gitops_agent.rollout.phases.promote import CUT, promoting
from gitops_agent.rollout.phases.step import lost, paused, provision, stepping
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
_LEAVING = frozenset({Phase.FINALIZE, Phase.ABORT, Phase.SUPERSEDED})
_JUDGING = frozenset({Stage.HOLD, Stage.CUT_HOLD, Stage.ROLL, Stage.WATCH})
_COMPARING = frozenset({Phase.PROVISION, Phase.STEP, Phase.PAUSED})


def step(
    state: RolloutState, observation: Observation, policy: RolloutPolicySpec, now: datetime
) -> tuple[RolloutState, tuple[Action, ...]]:
    """The next state, and what to do.

    Args:
        state: as persisted last; `RolloutState()` when there is none.
        observation: what is the case, gathered after `state` was written.
        policy: what is wanted now; a run under way keeps to the policy it was started with.
        now: the time, UTC.

    Returns:
        The state, and the actions in order. A `Persist` comes first and only when the state changed.

    Raises:
        SpecInvalid: the plan inside the state is not readable.
    """
    spec = policy if state.plan is None else load_policy(state.plan)
    sit = StepContext(state=state, seen=observation, policy=policy, run=run(spec), now=now)
    for look in (_clock, _routing, _counting, obey, _supersede, _loss):
        sit = replace(sit, state=look(sit))
    if sit.state.phase is state.phase and sit.state.stage is state.stage:
        move = first if sit.state.stable is None else _PHASES[sit.state.phase]
        sit = replace(sit, state=move(sit) or sit.state)
    # A transition may have fixed another plan, or ended the run.
    if sit.state.plan != state.plan:
        sit = replace(sit, run=run(policy if sit.state.plan is None else load_policy(sit.state.plan)))
    sit = replace(sit, state=_pairing(sit))
    written: tuple[Action, ...] = (Persist(sit.state),) if sit.state != state else ()
    return sit.state, (*written, *duties(sit))


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
    """Whether routes are what Git says, and whoever serves them refuses that: no run may wait for it for ever."""
    seen, traffic = sit.seen.routing, sit.state.traffic
    out = sit.state.phase in _LEAVING or sit.state.stage is Stage.BACK
    refused = seen is not None and seen.verdict is Verdict.ERROR
    return refused and out and traffic.want.none and (traffic.verified or sit.overdue)


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
    early = state.phase in {Phase.PROVISION, Phase.STEP, Phase.PAUSED}
    if head is None or state.target is None or head == state.target:
        return state
    if not (early or (state.phase is Phase.PROMOTE and state.stage in CUT and not sit.run.rolling)):
        return state
    if head.hash == state.target.hash:
        return replace(state, target=head)
    back = state.stable is not None and head.hash == state.stable.hash
    return leave(sit, Phase.SUPERSEDED, "Git is back at the stable version" if back else f"{head.hash} is newer")


def _pairing(sit: StepContext) -> RolloutState:
    """As many new pods of the stable version as the canary has, from the begin of a run to the end of its steps."""
    state, pods = sit.state, 0
    if state.phase in _COMPARING:
        pods = sit.run.baseline(state.canary, max(sit.seen.replicas, 1))
    return state if pods == state.baseline else replace(state, baseline=pods)


def _loss(sit: StepContext) -> RolloutState:
    return lost(sit) or sit.state if sit.state.running else sit.state
