"""One turn of a sync with hooks. Pure.

Each reconcile asks for a turn, writes what it names, and asks again until there is nothing to write. So no worker waits: what
is waited for is in the turn, in words, and the watch of the hook's object brings the next reconcile.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from gitops_agent.sync.hook_runs.record import HookRecord, Phase
from gitops_agent.sync.hook_runs.sequence import Move, View, next_move
from gitops_agent.sync.hook_runs.sync_phase import Inputs
from gitops_agent.sync.hook_runs.waves import WaveProgress
from gitops_agent.sync.hooks.hook import Hook, hooks_of
from gitops_agent.sync.hooks.moment import Moment
from gitops_agent.sync.ordering.rules import RANKS

_AT_REST = frozenset({Phase.NONE, Phase.DONE, Phase.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the objects of a sync are.

    Attributes:
        waves: of the objects that are applied.
        complete: everything is applied and healthy, and no rollout is under way.
        failing: the API server refuses an object for good, a rollout failed, or health did not come in time.
    """

    waves: WaveProgress
    complete: bool = False
    failing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What happens next in a sync.

    Attributes:
        record: after what was seen.
        moment: of the move.
        move: of a hook; None where none has its turn.
        open: other objects may be applied.
        limit: only those up to this wave, and no deletions; None where all may.
    """

    record: HookRecord
    moment: Moment = Moment.PRE_SYNC
    move: Move | None = None
    open: bool = False
    limit: int | None = None

    @property
    def waiting(self) -> str:
        """What is waited for, in words."""
        return self.move.waiting if self.move is not None else ""

    @property
    def until(self) -> datetime | None:
        """When the wait ends at the latest."""
        return self.move.until if self.move is not None else None


def turn(record: HookRecord, inputs: Inputs, view: View, progress: Progress) -> Turn:
    """The turn of a sync that has begun, with its record.

    Args:
        record: what is known.
        inputs: what the sync is about.
        view: what is true now.
        progress: how far the other objects are.
    """
    if view.written.content != record.content or view.written.request != record.request:
        return Turn(record=record)
    if record.phase is Phase.PRE_SYNC:
        move = _moved(record, Moment.PRE_SYNC, inputs, view)
        if not move.done:
            return _after(move, Moment.PRE_SYNC, is_open=False)
        record = replace(move.record, phase=Phase.SYNC)
    if record.phase is Phase.SYNC:
        during = _during(record, inputs, view, progress)
        if during is not None:
            return during
        record = replace(record, phase=Phase.POST_SYNC) if progress.complete else record
    if record.phase is Phase.POST_SYNC:
        move = _moved(record, Moment.POST_SYNC, inputs, view)
        if not move.done:
            return _after(move, Moment.POST_SYNC, is_open=True)
        record = replace(move.record, phase=Phase.DONE)
    if record.phase is Phase.FAILED or (record.phase is Phase.SYNC and progress.failing):
        move = _moved(record, Moment.SYNC_FAIL, inputs, view)
        return Turn(record=move.record, moment=Moment.SYNC_FAIL, move=move, open=record.phase is Phase.SYNC)
    return Turn(record=record, open=True)


def at_rest(record: HookRecord) -> bool:
    """Whether no sync is under way."""
    return record.phase in _AT_REST


def _during(record: HookRecord, inputs: Inputs, view: View, progress: Progress) -> Turn | None:
    """The turn of the next sync hook; None when all succeeded."""
    hooks = hooks_of(inputs.hooks, record.operation, Moment.SYNC, RANKS)
    move = next_move(record, Moment.SYNC, hooks, view)
    if move.done:
        return None
    wave = _weight(move.hook)
    if move.command is not None and not progress.waves.reached(wave):
        return Turn(record=move.record, moment=Moment.SYNC, open=True, limit=wave)
    result = _after(move, Moment.SYNC, is_open=True)
    return result if move.failed else replace(result, limit=wave)


def _moved(record: HookRecord, moment: Moment, inputs: Inputs, view: View) -> Move:
    return next_move(record, moment, hooks_of(inputs.hooks, record.operation, moment, RANKS), view)


def _after(move: Move, moment: Moment, *, is_open: bool) -> Turn:
    if not move.failed:
        return Turn(record=move.record, moment=moment, move=move, open=is_open)
    return Turn(record=replace(move.record, phase=Phase.FAILED), moment=moment, move=move)


def _weight(hook: Hook | None) -> int:
    return hook.weight if hook is not None else 0
