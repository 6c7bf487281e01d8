"""Hooks before and after the deletion of an Application's objects.

They run when the deletion is not held, and the finalizer waits for them. What is deleted of their own objects comes last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitops_agent.agent.reconcile.hook_pass import HookPass
from gitops_agent.agent.reconcile.restrictions import only
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.action import Action
from gitops_agent.sync.hook_runs.record import RunState
from gitops_agent.sync.hook_runs.sequence import judged, named, next_move
from gitops_agent.sync.hooks.hook import hooks_of
from gitops_agent.sync.hooks.moment import Moment
from gitops_agent.sync.ordering.rules import RANKS
from gitops_agent.sync.planning.plan import Plan

_MOVES = 4
_BEFORE = "not deleted before the pre-delete hooks have succeeded"
_LAST = "deleted once everything else is gone"


@dataclass(slots=True, kw_only=True)
class HookDeletion:
    """The hooks of one step of a deletion.

    Attributes:
        hooks: the pass that writes them.
    """

    hooks: HookPass

    def hold(self, plan: Plan, runnable: Plan) -> Plan:
        """Nothing is held back before the guard has decided."""
        del plan
        return runnable

    def run(self, plan: Plan, runnable: Plan, refusals: Mapping[ObjectKey, AgentError], *, allowed: bool) -> Plan:
        """Runs hooks that have their turn, and returns what may be deleted."""
        del refusals, allowed
        if plan.verdict.held:
            return only(runnable, lambda action: not _of_a_hook(action), _LAST)
        if not self._ended() or not self._succeeded(Moment.PRE_DELETE):
            return only(runnable, lambda _: False, _BEFORE)
        if any(not live.hook_run for live in self.hooks.tools.live.of(self.hooks.application.key).values()):
            return only(runnable, lambda action: not _of_a_hook(action), _LAST)
        return runnable if self._succeeded(Moment.POST_DELETE) else only(runnable, lambda _: False, _LAST)

    def over(self) -> bool:
        """Whether every hook of the deletion has succeeded."""
        return self._ended() and self._succeeded(Moment.PRE_DELETE) and self._succeeded(Moment.POST_DELETE)

    def _ended(self) -> bool:
        """Whether no hook of a sync still runs."""
        view = self.hooks.view()
        for run in self.hooks.record.runs:
            self.hooks.record = self.hooks.record.with_run(judged(run, view))
        running = [run for run in self.hooks.record.runs if run.running and run.moment not in _MOMENTS]
        if running:
            self.hooks.waiting = f"waits for {running[0].moment.value} {named(running[0].key)} to end"
        return not running

    def _succeeded(self, moment: Moment) -> bool:
        """Whether the hooks of a moment succeeded; else makes the next move."""
        record, request = self.hooks.record, self.hooks.inputs.request
        if request not in ("", record.request):
            runs = [replace(run, state=RunState.RETRY) if _failed(run.state, run.moment) else run for run in record.runs]
            self.hooks.record = replace(record, request=request, runs=tuple(runs))
        chosen = hooks_of(self.hooks.inputs.hooks, record.operation, moment, RANKS)
        for _ in range(_MOVES * (len(chosen) + 1)):
            view = self.hooks.view()
            move = next_move(self.hooks.record, moment, chosen, view)
            self.hooks.record = self.hooks.explained(move.record)
            if move.command is None or not self.hooks.execute(move, moment, view):
                self.hooks.wait(move.waiting, move.until)
                return move.done
        return False


_MOMENTS = frozenset({Moment.PRE_DELETE, Moment.POST_DELETE})


def _failed(state: RunState, moment: Moment) -> bool:
    return state is RunState.FAILED and moment in _MOMENTS


def _of_a_hook(action: Action) -> bool:
    return action.live is not None and bool(action.live.hook_run)
