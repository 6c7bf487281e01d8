"""What commands do: each is consumed exactly once, whether it could be obeyed or not."""

from __future__ import annotations

from dataclasses import replace

from gitops_agent.rollout.command import Command, CommandKind
from gitops_agent.rollout.phases.exit import abort
from gitops_agent.rollout.phases.promote import restore
from gitops_agent.rollout.phases.step import pause, resume
from gitops_agent.rollout.state import Phase, RolloutState, Stage
from gitops_agent.rollout.step_context import StepContext

REMEMBERED = 32


def obey(sit: StepContext) -> RolloutState:
    """The state after every command that was not consumed before."""
    for command in sit.seen.commands:
        if command.nonce in sit.state.nonces:
            continue
        state = sit.state
        about = state.target.hash if state.target else ""
        if not command.hash or command.hash == about:
            state = _obeyed(sit, command) or state
        sit = replace(sit, state=replace(state, nonces=(*state.nonces, command.nonce)[-REMEMBERED:]))
    return sit.state


def _obeyed(sit: StepContext, command: Command) -> RolloutState | None:
    by = f" by {command.actor}" if command.actor else ""
    by += f": {command.reason}" if command.reason else ""
    state = sit.state
    if command.order is CommandKind.ABORT:
        return _abort(sit, f"aborted{by}")
    if command.order is CommandKind.RETRY:
        return _retry(sit)
    if command.order is CommandKind.PAUSE:
        return pause(sit, f"paused{by}") if state.phase is Phase.STEP else None
    if command.order is CommandKind.RESUME:
        return resume(sit) if state.phase is Phase.PAUSED else None
    if command.order is CommandKind.APPROVE:
        known = state.approval in state.approvals
        in_step = state.in_steps
        return replace(state, approvals=(*state.approvals, state.approval)) if in_step and not known else None
    if command.order is CommandKind.ADVANCE:
        return _advance(state)
    if state.phase is Phase.PAUSED:
        return replace(resume(sit), full=True)
    return replace(state, full=True) if state.phase in {Phase.PENDING, Phase.PROVISION, Phase.STEP} else None


def _advance(state: RolloutState) -> RolloutState | None:
    """Ends the waits of a step that a person may end: its approval and its pause; what metrics say still counts."""
    if state.phase is not Phase.STEP or state.stage is not Stage.HOLD:
        return None
    given = () if state.approval in state.approvals else (state.approval,)
    return replace(state, until=None, approvals=(*state.approvals, *given))


def _abort(sit: StepContext, reason: str) -> RolloutState | None:
    """Out, as far as the run has come; what has not begun or is on its way out already stays as it is."""
    state = sit.state
    if state.early:
        return abort(sit, reason)
    if state.phase is not Phase.PROMOTE or state.stage is Stage.RESTORE:
        return None
    return abort(sit, reason) if state.cutting else restore(sit, reason)


def _retry(sit: StepContext) -> RolloutState | None:
    """Forgives the version Git asks for."""
    head = sit.seen.head
    if head is None or not sit.state.rejects(head):
        return None
    return replace(sit.state, rejected=tuple(one for one in sit.state.rejected if one.hash != head.hash))
