"""Rules of a rollout's commands: legality, effect, completion.

Problem: the agent that obeys a command, the CLI that refuses it and the view that offers it each had an opinion of its own.
Decision: one table, read by all three. A command is consumed exactly once, whether it was legal or not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from gitops_agent.rollout.command import CommandKind
from gitops_agent.rollout.phases.exit import abort
from gitops_agent.rollout.phases.promote import restore
from gitops_agent.rollout.phases.step import pause, resume
from gitops_agent.rollout.run_plan import RunPlan
from gitops_agent.rollout.state import Phase, RolloutState, Stage
from gitops_agent.rollout.step_context import StepContext

REMEMBERED = 32
"""Nonces of consumed commands that are kept; a status has to stay small."""

_AT_REST = "it is at rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """What the legality of a command depends on.

    Attributes:
        state: of the rollout.
        run: the plan of the run under way, or of the next one.
        message: the state in one line, quoted in refusals.
    """

    state: RolloutState
    run: RunPlan
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRule:
    """Rule of one command.

    Attributes:
        refusal: why the command is illegal, and what would be legal; empty when it is legal.
        effect: the state after it, given who asked and why; None when nothing changes.
        done: whether the command, consumed between two states of one target, had its effect.
        reached: whether a run that has ended by now had the effect as well.
    """

    refusal: Callable[[CommandContext], str]
    effect: Callable[[StepContext, str], RolloutState | None]
    done: Callable[[RolloutState, RolloutState], bool]
    reached: bool = False


def obey(ctx: StepContext) -> RolloutState:
    """The state after every command that was not consumed before."""
    for command in ctx.seen.commands:
        if command.nonce in ctx.state.nonces:
            continue
        state = ctx.state
        about = state.target.hash if state.target else ""
        legal = not refusal(command.order, CommandContext(state=state, run=ctx.run))
        if legal and (not command.hash or command.hash == about):
            by = f" by {command.actor}" if command.actor else ""
            by += f": {command.reason}" if command.reason else ""
            ctx = replace(ctx, state=replace(state, together=command.rollout))
            state = RULES[command.order].effect(ctx, by) or state
        ctx = replace(ctx, state=replace(state, nonces=(*state.nonces, command.nonce)[-REMEMBERED:]))
    return ctx.state


def refusal(kind: CommandKind, context: CommandContext) -> str:
    """Why a command is illegal now; empty when it is legal."""
    held = context.state.phase is Phase.HELD
    if kind is not CommandKind.RETRY and not context.state.running and not (kind is CommandKind.PROMOTE and held):
        retry = "; `rollout retry` tries it once more, `rollout promote --full` without its steps" if held else ""
        return f"no rollout is under way, {context.message or _AT_REST}{retry}"
    return RULES[kind].refusal(context)


def done(kind: CommandKind, before: RolloutState, after: RolloutState) -> bool:
    """Whether a command that was consumed between two states had its effect."""
    rule = RULES[kind]
    if before.target is None:
        return False
    if kind is CommandKind.RETRY or before.phase is Phase.HELD:
        return RULES[CommandKind.RETRY].done(before, after)
    if after.target is not None and after.target.hash != before.target.hash:
        return False
    return rule.done(before, after) or (rule.reached and not after.running)


# Refusals


def _retry_refused(now: CommandContext) -> str:
    held = now.state.phase is Phase.HELD
    return "" if held else f"nothing is to be tried again, {now.message or _AT_REST}"


def _advance_refused(now: CommandContext) -> str:
    state = now.state
    if state.phase is Phase.PAUSED:
        return (
            f"it is paused ({state.reason}): `rollout resume` continues it, `rollout promote --full` skips the remaining steps"
        )
    if state.holding:
        # A step without a pause has an end as well, which is its beginning.
        timed = state.until is not None and (state.entered_at is None or state.until > state.entered_at)
        if timed or (now.run.steps[state.step].approval and not state.approved):
            return ""
        return (
            "the step waits for its metrics only, which are not overruled: `rollout promote --full` skips the remaining steps"
        )
    if state.phase is Phase.STEP:
        return f"step {state.step + 1} is not in force yet: wait for it, or skip all steps with `rollout promote --full`"
    if state.judging:
        return f"no step is left, {now.message}: `rollout promote --full` waits for neither delay nor metrics"
    return f"it is in no step: {now.message}"


def _promote_refused(now: CommandContext) -> str:
    if now.state.judging:
        return "it waits for nothing any more" if now.state.decided else ""
    held = now.state.phase is Phase.HELD
    if now.run.rolling:
        return f"the strategy rolling has no steps to skip{': `rollout retry` tries the version once more' if held else ''}"
    return "" if now.state.early or held else f"there is no step left to skip: {now.message}"


def _approve_refused(now: CommandContext) -> str:
    state = now.state
    if not state.in_steps:
        return f"nothing waits for approval: {now.message}"
    if not now.run.steps[state.step].approval:
        return f"step {state.step + 1} of {len(now.run.steps)} asks for no approval"
    return f"step {state.step + 1} is approved already" if state.approved else ""


def _pause_refused(now: CommandContext) -> str:
    if now.state.phase is Phase.STEP:
        return ""
    if now.state.phase is Phase.PAUSED:
        return f"it is paused already ({now.state.reason})"
    return f"it can be paused in a step only: {now.message}"


def _resume_refused(now: CommandContext) -> str:
    return "" if now.state.phase is Phase.PAUSED else f"it is not paused: {now.message}"


def _abort_refused(now: CommandContext) -> str:
    leaving = now.state.leaving or now.state.stage is Stage.RESTORE
    return f"it is on its way out already: {now.message}" if leaving else ""


# Effects


def _retry(ctx: StepContext, _: str) -> RolloutState | None:
    """Forgives the version Git asks for.

    While Git is unknown, as after a restart, that is the one that is held.
    """
    head = ctx.seen.head or ctx.state.target
    if head is None or not ctx.state.rejects(head):
        return None
    return replace(ctx.state, rejected=tuple(entry for entry in ctx.state.rejected if entry.hash != head.hash))


def _advance(ctx: StepContext, _: str) -> RolloutState:
    """Ends the waits a person may end: approval and pause, not metrics."""
    return replace(_approved(ctx.state), until=None)


def _promote(ctx: StepContext, by: str) -> RolloutState | None:
    """Skips the steps that are left, or what a promotion waits for.

    A rejected version is tried again, without any step.
    """
    if ctx.state.phase is Phase.HELD:
        forgiven = _retry(ctx, by)
        return None if forgiven is None else replace(forgiven, full=True)
    if ctx.state.judging:
        return replace(ctx.state, approvals=(*ctx.state.approvals, ctx.state.decision))
    return replace(resume(ctx) if ctx.state.phase is Phase.PAUSED else ctx.state, full=True)


def _approve(ctx: StepContext, _: str) -> RolloutState:
    return _approved(ctx.state)


def _abort(ctx: StepContext, by: str) -> RolloutState:
    """Leaves the run; a rolling workload gets the stable version back first."""
    state = ctx.state
    out = restore if state.phase is Phase.PROMOTE and not state.cutting else abort
    return out(ctx, f"aborted{by}")


def _approved(state: RolloutState) -> RolloutState:
    return state if state.approved else replace(state, approvals=(*state.approvals, state.approval))


def _kept(before: RolloutState, after: RolloutState) -> bool:
    return before.approval in after.approvals


RULES: Mapping[CommandKind, CommandRule] = {
    CommandKind.RETRY: CommandRule(
        refusal=_retry_refused,
        effect=_retry,
        done=lambda before, after: before.target is not None and not after.rejects(before.target),
    ),
    CommandKind.ADVANCE: CommandRule(refusal=_advance_refused, effect=_advance, done=_kept, reached=True),
    CommandKind.APPROVE: CommandRule(refusal=_approve_refused, effect=_approve, done=_kept, reached=True),
    CommandKind.PROMOTE: CommandRule(
        refusal=_promote_refused, effect=_promote, done=lambda _, after: after.full or after.promoting, reached=True
    ),
    CommandKind.PAUSE: CommandRule(
        refusal=_pause_refused,
        effect=lambda ctx, by: pause(ctx, f"paused{by}"),
        done=lambda _, after: after.phase is Phase.PAUSED,
    ),
    CommandKind.RESUME: CommandRule(
        refusal=_resume_refused, effect=lambda ctx, _: resume(ctx), done=lambda _, after: after.phase is not Phase.PAUSED
    ),
    CommandKind.ABORT: CommandRule(refusal=_abort_refused, effect=_abort, done=lambda _, after: after.rolled_back),
}
