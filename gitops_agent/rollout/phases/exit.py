"""The ways out of a run: traffic first, then time for the requests in flight, then Services, then workloads.

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


def leave(sit: StepContext, phase: Phase, reason: str, **changes: Any) -> RolloutState:
    """The first stage of a way out: rules for single requests go at once, the weight as fast as the workload can take it.

    What can be taken back is taken back in the same step, since every further one is a second of errors for somebody.
    """
    if sit.state.phase is Phase.PENDING:
        # Nothing was made: a way out by its traffic would make it first.
        return sit.enter(phase, Stage.WORKLOAD, reason=reason, full=False, **changes)
    traffic = changes.pop("traffic", sit.state.traffic)
    left = replace(sit, state=replace(sit.state, traffic=traffic))
    changes["traffic"] = left.wanting(Share(weight=traffic.want.weight))
    changes.setdefault("resume", Stage.NONE)
    # Entered first: how long the stage before had lasted says nothing about this one.
    entered = replace(sit, state=sit.enter(phase, Stage.UNROUTE, reason=reason, full=False, **changes))
    return replace(entered.state, traffic=entered.wanting(Share(weight=least(entered))))


def abort(sit: StepContext, reason: str) -> RolloutState:
    """The way out of a version that is not tried again."""
    target = sit.state.target
    rejected = sit.state.rejected
    if target is not None and not sit.state.rejects(target):
        entry = Rejected(hash=target.hash, commit=target.commit, reason=reason, at=sit.now)
        rejected = (*rejected, entry)[-REMEMBERED:]
    return leave(sit, Phase.ABORT, reason, rejected=rejected)


def leaving(sit: StepContext) -> RolloutState | None:
    """The next stage of a way out."""
    stage = sit.state.stage
    if stage is Stage.UNROUTE:
        return unroute(sit)
    if stage is Stage.DRAIN:
        # What was verified can be undone by hand; then it is repaired first and drained anew.
        return sit.enter(sit.state.phase, Stage.SERVICE, reason=sit.state.reason) if sit.drained else None
    if stage is Stage.SERVICE:
        gone = not sit.seen.canary_service and sit.state.traffic.verified
        return sit.enter(sit.state.phase, Stage.WORKLOAD, reason=sit.state.reason, canary=0, primary=None) if gone else None
    return None if sit.seen.leavings else _end(sit)


def unroute(sit: StepContext) -> RolloutState | None:
    """Takes the traffic from the canary, no faster than the workload has pods to answer it."""
    state = sit.state
    share = state.traffic.want
    weight = least(sit)
    if weight < share.weight or share.match or share.mirror:
        return replace(state, traffic=sit.wanting(Share(weight=min(weight, share.weight))))
    if share.none and state.traffic.verified:
        return sit.enter(state.phase, Stage.DRAIN, reason=state.reason)
    return _returned(sit) if share.weight else None


def least(sit: StepContext) -> int:
    """The smallest weight the canary must keep because the workload lacks pods."""
    weight = sit.state.traffic.want.weight
    primary = sit.seen.primary
    if not weight or not sit.serving:
        return 0
    available = primary.available if primary else 0
    if sit.overdue and (available or _waiting(sit)):
        return 0
    if sit.run.plain:
        short = available < sit.seen.replicas - sit.seen.max_unavailable
        return weight if short else 0
    return replica_counts.safe_weight(
        weight, available=available, replicas=sit.seen.replicas, max_unavailable=sit.seen.max_unavailable
    )


def _waiting(sit: StepContext) -> bool:
    """Whether another version could take over, and waits for the end of this run: perhaps it is what mends the workload."""
    head = sit.seen.head
    return head is not None and head not in {sit.state.stable, sit.state.target} and not sit.state.rejects(head)


def _returned(sit: StepContext) -> RolloutState | None:
    """Behind a plain Service: one more step of moving the pods back to the workload."""
    if not sit.run.plain:
        return None
    asked = sit.moved(ReplicaCounts(canary=0, stable=sit.seen.replicas))
    if (asked.canary, asked.stable) == (sit.state.canary, sit.state.primary):
        return None
    return replace(sit.state, canary=asked.canary, primary=asked.stable)


def _end(sit: StepContext) -> RolloutState:
    state, seen = sit.state, sit.seen
    fresh: dict[str, Any] = {"plan": None, "counters": (), "approvals": (), "primary": None, "canary": 0, "step": 0}
    if state.phase is Phase.FINALIZE:
        return sit.enter(Phase.IDLE, stable=state.target, target=None, history=sit.ended("Promoted"), **fresh)
    if state.phase is Phase.ABORT:
        return sit.enter(Phase.HELD, reason=state.reason, history=sit.ended("RolledBack", state.reason), **fresh)
    stable = state.stable
    if seen.head is not None and stable is not None and seen.head.hash == stable.hash:
        stable = seen.head
    history = state.history if state.target == state.stable else sit.ended("Superseded", state.reason)
    return sit.enter(Phase.IDLE, stable=stable, target=None, history=history, **fresh)
