"""What a plan does with one object, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gitops_agent.errors import AgentError
from gitops_agent.manifest.edits import FieldEdit
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.sync.live.live_object import LiveObject


class PlanError(AgentError):
    """No plan is possible: another owner or a dependency cycle.

    Facts name the objects.
    """

    reason = "PlanFailed"


class ActionKind(StrEnum):
    """What happens to an object."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DELETE = "delete"
    REPLACE = "replace"
    SKIP = "skip"
    """Skipped because its owner opted out; nothing is awaited."""
    HOLD = "hold"
    """Would be changed, once the plan is approved."""
    WAIT = "wait"
    """Would be changed, but not now: something is not known or not there yet."""


WRITES = frozenset({ActionKind.CREATE, ActionKind.UPDATE, ActionKind.REPLACE, ActionKind.DELETE})
"""Kinds the executor sends something for."""

REMOVES = frozenset({ActionKind.DELETE, ActionKind.REPLACE})
"""Kinds after which the object with today's UID is gone."""


DELETION_FORBIDDEN = "DeletionForbidden"
"""Reason for keeping an object that the Application's account may not delete."""

BROKEN = "MarkBroken"
"""Reason for keeping an object of ours whose mark was damaged."""

MAY_MOVE = "MayMove"
"""Reason for keeping an object that another Application may declare."""

HANDED_OVER = "HandedOver"
"""Reason for keeping an object that another Application declares and has yet to take over."""

LEFT_BEHIND = frozenset({"PruningOff", "PruneDisabled", DELETION_FORBIDDEN, BROKEN, MAY_MOVE, HANDED_OVER})
"""Reasons for keeping an object that is no longer declared."""

OWNED_BY_ANOTHER = "OwnedByAnother"
"""Reason for leaving out a declared object; the others of the commit are applied."""

MANAGED_BY_ANOTHER = "ManagedByAnother"
"""Reason of waiting with an object that another GitOps tool manages."""

REMARKED = "Remarked"
"""Reason of an update of our marks alone; it needs no approval."""

UNVERIFIED = "MarkUnverified"
"""Reason for ignoring an object whose marks name the application without proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What happens to one object.

    Attributes:
        kind: what happens now.
        key: to which object.
        manifest: what is declared; None for deletions, and for objects that are only live.
        live: what is there; None when nothing is.
        reason: a code from the table of reasons.
        message: one line for people; may be empty.
        drift: the same content was applied before and only the live object deviates; such actions run even in a held plan.
        undeclared: what people wrote beside what is declared and has to be taken back.
        rollout: part of a rollout under way, so neither held nor counted: both were settled before it started.
        unproven: that the object is as applied rests on the name of its field manager alone, since its values differ.
        intent: what would happen if nothing held, delayed or forbade it; the same as `kind` where nothing does.
    """

    kind: ActionKind
    key: ObjectKey
    manifest: Manifest | None = None
    live: LiveObject | None = None
    reason: str = ""
    message: str = ""
    drift: bool = False
    undeclared: tuple[FieldEdit, ...] = ()
    rollout: bool = False
    unproven: bool = False
    intent: ActionKind

    @property
    def writes(self) -> bool:
        """Whether the executor sends anything for it."""
        return self.kind in WRITES

    @property
    def terminating(self) -> bool:
        """Whether its deletion was sent and the object is still there."""
        return self.kind is ActionKind.WAIT and self.intent is ActionKind.DELETE and self.reason == "Terminating"
