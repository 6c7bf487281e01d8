"""Iterates a plan in dependency order; yields actions whose predecessors are ready.

Every object is asked about again only when something it waits for came about, so that a plan of ten thousand objects costs
little more than its edges. What failed, or is done only by half, lets nothing that waits for it pass.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.ordering.order import Gate, Until
from gitops_agent.sync.planning.plan import Plan

Ready: TypeAlias = Callable[[ObjectKey, Until], bool]
"""Whether an object of the cluster has come as far as asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An object whose action was not done, or only half.

    Attributes:
        key: the object.
        on: the object it waits for.
        until: how far that one has to come.
        why: a line for people; reads on after "waits for ".
    """

    key: ObjectKey
    on: ObjectKey
    until: Until
    why: str


class PlanWalker:
    """One run through one plan; used by one thread.

    Args:
        plan: what to do.
        ready: asked about objects this run has done or does not touch.
    """

    def __init__(self, plan: Plan, ready: Ready) -> None:
        self._actions = {action.key: action for action in plan.actions}
        self._open = {action.key for action in plan.writes}
        self._ready = ready
        self._itself = APPLICATION.named(*plan.application)
        self._gate = Gate(plan.edges, self._met)
        self._next: deque[Action] = deque()
        self._behind: dict[ObjectKey, list[Action]] = {}
        self._failed: set[ObjectKey] = set()
        self._parked: set[ObjectKey] = set()
        self._queue(list(plan.writes))

    @property
    def more(self) -> bool:
        """Whether `next` has something to give."""
        return bool(self._next)

    def next(self) -> Action | None:
        """The next ready action; None when there is none at the moment."""
        return self._next.popleft() if self._next else None

    def done(self, key: ObjectKey) -> None:
        """Marks the action as done, and checks its dependants again."""
        self._open.discard(key)
        self._queue(self._behind.pop(key, []))

    def left(self, key: ObjectKey, *, parked: bool) -> None:
        """Marks an action as failed or (parked) half done; dependants wait."""
        (self._parked if parked else self._failed).add(key)

    def recheck(self) -> bool:
        """Checks all waiting actions, because the cluster changes by itself.

        Returns whether one of them is ready now.
        """
        waiting = [action for actions in self._behind.values() for action in actions]
        self._behind.clear()
        self._queue(waiting)
        return bool(self._next)

    def waiting(self) -> tuple[Waiting, ...]:
        """What was not done, in the order of the plan."""
        result = []
        behind = {action.key for actions in self._behind.values() for action in actions}
        for key, action in self._actions.items():
            if key in self._parked:
                why = f"the old {action.key} to be gone, so that the new one can be created"
                result.append(Waiting(key=key, on=key, until=Until.GONE, why=why))
            elif key in behind:
                edge = self._gate.blocked(key)
                if edge is not None:
                    why = f"{edge.before} ({edge.why}{', and it failed' if edge.before in self._failed else ''})"
                    result.append(Waiting(key=key, on=edge.before, until=edge.until, why=why))
        return tuple(result)

    def _queue(self, actions: list[Action]) -> None:
        for action in actions:
            edge = self._gate.blocked(action.key)
            if edge is None:
                self._next.append(action)
            else:
                self._behind.setdefault(edge.before, []).append(action)

    def _met(self, key: ObjectKey, until: Until) -> bool:
        if key in self._open:
            return False
        if key == self._itself:
            until = Until.APPLIED  # its health is that of the objects that would wait for it
        action = self._actions.get(key)
        if action is None:
            return self._ready(key, until)
        if action.kind is ActionKind.SKIP:
            return True  # skipped because its owner opted out: nothing waits for it
        if action.kind in (ActionKind.HOLD, ActionKind.WAIT):
            return action.intent is not ActionKind.DELETE and action.live is not None and self._ready(key, until)
        return until is Until.APPLIED or self._ready(key, until)
