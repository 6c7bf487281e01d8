"""From what is declared and what is live to what is done: a pure function and the value it returns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.action import REMOVES, WRITES, Action, ActionKind, PlanError
from gitops_agent.sync.guard import BlastRadius, Dependants, Verdict
from gitops_agent.sync.order import Edge, Graph, Until
from gitops_agent.sync.policy import Approval, Policy

__all__ = [
    "Action",
    "ActionKind",
    "Approval",
    "BlastRadius",
    "Dependants",
    "Edge",
    "Graph",
    "Plan",
    "PlanError",
    "Policy",
    "Until",
    "Verdict",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done, in order. The same value is shown, approved, audited and executed.

    Attributes:
        application: whose.
        revision: of which commit.
        actions: one an object, in an order that satisfies the edges.
        edges: what waits for what.
        verdict: whether it may run.
        hash: names its content: everything declared and everything removed, but no drift.
        content: digest over everything declared.
        warnings: what somebody should know though nothing is done about it.
        cannot_see: kinds that could not be listed; none of their objects is deleted.
    """

    application: AppKey
    revision: Revision
    actions: tuple[Action, ...]
    edges: Graph = field(default_factory=Graph)
    verdict: Verdict = field(default_factory=Verdict)
    hash: str
    content: str = ""
    warnings: tuple[str, ...] = ()
    cannot_see: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be sent and nothing is waited for."""
        return not any(action.kind in WRITES or action.kind in (ActionKind.HOLD, ActionKind.WAIT) for action in self.actions)

    @property
    def writes(self) -> tuple[Action, ...]:
        """What the executor sends something for, in order."""
        return tuple(action for action in self.actions if action.writes)

    def counts(self) -> dict[ActionKind, int]:
        """How many actions there are of each kind that occurs."""
        return dict(Counter(action.kind for action in self.actions))

    def changes(self) -> tuple[Action, ...]:
        """What is or would be changed: everything that intends a write, run, held or waiting alike."""
        return tuple(action for action in self.actions if action.intent in WRITES)

    def of(self, key: ObjectKey) -> Action | None:
        """The action for an object."""
        return next((action for action in self.actions if action.key == key), None)

    def approval(self) -> Approval:
        """What approving this plan allows, to be carried along while it runs."""
        removed = (action for action in self.actions if action.intent in REMOVES and action.live is not None)
        return Approval(
            hash=self.hash,
            content=self.content,
            deletions=frozenset((str(action.key), action.live.uid) for action in removed if action.live is not None),
        )
