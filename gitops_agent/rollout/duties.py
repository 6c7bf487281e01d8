"""What a state asks for that is not the case yet: the actions follow from the state alone, so a restart does the same again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from gitops_agent.rollout.actions import (
    Action,
    Adopt,
    ApplyAdded,
    ApplyBaseline,
    ApplyCanary,
    ApplyPrimary,
    ApplyRest,
    DeleteCanary,
    DeleteService,
    Measure,
    Route,
    ScalePrimary,
    Verify,
    Wake,
)
from gitops_agent.rollout.state import Adoption, Phase, Stage, Version
from gitops_agent.rollout.step_context import StepContext

_CANARY = frozenset({Phase.PROVISION, Phase.STEP, Phase.PAUSED})
_LEAVING = frozenset({Phase.ABORT, Phase.SUPERSEDED, Phase.FINALIZE})
_NEW = frozenset({Stage.ROLL, Stage.WATCH, Stage.BACK})


def primary_version(sit: StepContext) -> Version | None:
    """The version the workload and everything else should be of."""
    state = sit.state
    rolled = state.phase is Phase.FINALIZE or (state.phase is Phase.PROMOTE and state.stage in _NEW)
    return state.target if rolled else state.stable


def duties(sit: StepContext) -> Iterator[Action]:
    """What there is to do, in this order."""
    state, seen = sit.state, sit.seen
    if state.adoption in {Adoption.LABEL, Adoption.SELECT} and not (seen.labelled and seen.selected):
        yield Adopt(state.adoption)
    if state.phase is Phase.PENDING and not seen.added and state.target is not None:
        yield ApplyAdded(state.target)
    if state.phase is Phase.PENDING and seen.leftovers:
        yield DeleteCanary()
    yield from _of_canary(sit)
    if state.stable is not None and (seen.baseline.replicas if seen.baseline else 0) != state.baseline:
        yield ApplyBaseline(state.stable, state.baseline)
    yield from _of_primary(sit)
    yield from _of_leaving(sit)
    yield from _of_time(sit)


def _of_canary(sit: StepContext) -> Iterator[Action]:
    state, seen = sit.state, sit.seen
    promoting = state.phase is Phase.PROMOTE and not sit.run.rolling
    if not (state.phase in _CANARY or promoting or state.phase in _LEAVING) or state.target is None or not sit.run.steps:
        return
    there = state.phase not in _LEAVING or state.stage in {Stage.UNROUTE, Stage.DRAIN}
    canary = seen.canary
    # On the way out what is left is kept, but what is gone is not brought back: its traffic is on its way out as well.
    missing = canary is None or not seen.canary_service
    fewer = canary is not None and state.canary < canary.replicas
    wrong = canary is None or missing or canary.replicas != state.canary
    unwise = fewer and sit.run.plain and not state.traffic.want.none and not sit.affordable(canary=state.canary)
    # One that leaves makes room first: canary and baseline together obey the surge limit.
    crowded = canary is not None and state.canary > canary.replicas and seen.baseline is not None and not state.baseline
    if there and wrong and not unwise and not crowded and not (state.phase in _LEAVING and missing):
        yield ApplyCanary(state.target, state.canary)
    if not state.traffic.verified:
        yield Route(state.traffic.want)
    yield Verify(state.traffic.want)


def _of_primary(sit: StepContext) -> Iterator[Action]:
    state, seen = sit.state, sit.seen
    version = primary_version(sit)
    if version is None:
        return
    if seen.primary is None or not sit.at(version) or seen.primary.version != version:
        yield ApplyPrimary(version)
    now, wanted = seen.primary.replicas if seen.primary else None, state.primary
    if now is not None and wanted is not None and (wanted > now or (wanted < now and sit.affordable(primary=wanted))):
        yield ScalePrimary(wanted)
    if seen.applied != version:
        yield ApplyRest(version)


def _of_leaving(sit: StepContext) -> Iterator[Action]:
    state, seen = sit.state, sit.seen
    at_rest = state.phase in {Phase.IDLE, Phase.HELD} and state.stable is not None
    if seen.canary_service and (at_rest or (state.phase in _LEAVING and state.stage in {Stage.SERVICE, Stage.WORKLOAD})):
        yield DeleteService()
    if seen.leavings and (at_rest or (state.phase in _LEAVING and state.stage is Stage.WORKLOAD)):
        yield DeleteCanary()


def _of_time(sit: StepContext) -> Iterator[Action]:
    state = sit.state
    judging = state.stage in {Stage.HOLD, Stage.CUT_HOLD, Stage.WATCH} or (sit.run.rolling and state.stage is Stage.ROLL)
    metrics = sit.run.lasting if state.stage is Stage.CUT_HOLD else sit.run.metrics
    if state.running and judging and metrics and state.target is not None:
        yield Measure(tuple(metric.name for metric in metrics), state.target)
    if not state.running:
        return
    waits: list[timedelta] = []
    if state.until is not None and state.entered_at is not None and state.phase is not Phase.PAUSED:
        waits.append(state.until - sit.now)
    if state.entered_at is not None:
        deadline = sit.run.paused_deadline if state.phase is Phase.PAUSED else sit.run.deadline
        waits += [] if deadline is None else [state.entered_at + deadline - sit.now]
    if state.traffic.verified_at is not None:
        waits.append(state.traffic.verified_at + sit.run.drain - sit.now)
    ahead = [wait for wait in waits if wait > timedelta(0)]
    if ahead:
        yield Wake(sit.now + min(ahead))
