"""What an application, its approvals and the installation allow a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gitops_agent.api.sync_options import DeletionGuard, ErrorPolicy, IgnoreFields, SyncMode
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import GroupKind, ObjectKey

_FINGERPRINT_DIGITS = 12
APPROVAL_DIGITS = 12
"""A hash may be approved by this many leading hexadecimal digits, or more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approved plan, kept while it runs.

    Deletions vanish from the plan as they are done, so its hash changes under way. What remains is still approved as long as
    it wants the same content and deletes nothing more. `Plan.approval()` makes it, the status keeps it, and `Policy.carried`
    brings it back.

    Attributes:
        hash: of the plan as it was approved.
        content: digest over everything declared.
        deletions: key and UID of everything that plan removes.
        covers: fingerprints of what is removed with the Applications that plan removes.
        by: who approved, as claimed by the client or named by the commit; empty without a name.
        via: how: `annotation` or `trailer`; empty when that is not known.
    """

    hash: str
    content: str
    deletions: frozenset[tuple[str, str]]
    covers: frozenset[str] = frozenset()
    by: str = ""
    via: str = ""

    def includes(self, other: Approval) -> bool:
        """Whether it allows everything that another one does."""
        return self.content == other.content and self.deletions >= other.deletions and self.covers >= other.covers

    def to_json(self) -> dict[str, Any]:
        """As JSON values, for a status."""
        named = {name: text for name, text in (("by", self.by), ("via", self.via)) if text}
        deletions = sorted([key, uid] for key, uid in self.deletions)
        covers = {"covers": sorted(self.covers)} if self.covers else {}
        return {"hash": self.hash, "content": self.content, "deletions": deletions, **covers, **named}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Approval | None:
        """What `to_json` gave; None for anything else."""
        try:
            deletions = frozenset((str(key), str(uid)) for key, uid in value["deletions"])
            by, via = str(value.get("by") or ""), str(value.get("via") or "")
            covers = frozenset(map(str, value.get("covers") or ()))
            content = str(value["content"])
            return cls(hash=str(value["hash"]), content=content, deletions=deletions, covers=covers, by=by, via=via)
        except (KeyError, TypeError, ValueError):
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """Use of the deletion budget over all Applications.

    Attributes:
        spent: objects that were deleted in the window.
        applications: how many Applications lost them.
        budget: how many may be deleted in the window.
        window_seconds: its length.
    """

    spent: int
    applications: int
    budget: int
    window_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPolicy:
    """The rules of one plan.

    Attributes:
        prune: delete objects of the application that are no longer declared.
        self_heal: repair drift.
        mode: auto, manual or observe.
        error_policy: what an invalid object means for the others; the executor's business, carried along.
        guard: the budget of deletions and the protected kinds.
        application_deleting: the Application itself goes: nothing is desired, on purpose.
        approved: the approved hash, whole or at least its first twelve digits.
        carried: an approved plan that is under way.
        covered: fingerprints of what approvals of the Applications above cover, for the deletion of this one.
        ignore_fields: fields managed by others.
        agent_namespace: where the agent is installed.
        protected: the agent's own objects; no approval deletes them.
        over_budget: the budget over all Applications, when it has no room for the plan.
        recorded: live objects of the application by kind, when each kind was last listed.
        application_uid: of the Application, so that an approval never serves another one of the same name.
        sealing: the key of the marks is known, so marks without a seal are written anew.
        undeletable: objects that the Application's account may not delete.
        unverified: why marks cannot be verified, so that nothing is pruned; empty where they can.
    """

    prune: bool = True
    self_heal: bool = True
    mode: SyncMode = SyncMode.AUTO
    error_policy: ErrorPolicy = ErrorPolicy.ATOMIC
    guard: DeletionGuard = field(default_factory=DeletionGuard)
    application_deleting: bool = False
    approved: str | None = None
    carried: Approval | None = None
    covered: frozenset[str] = frozenset()
    ignore_fields: tuple[IgnoreFields, ...] = ()
    agent_namespace: str = ""
    protected: frozenset[ObjectKey] = frozenset()
    over_budget: BudgetUse | None = None
    recorded: Mapping[GroupKind, int] = field(default_factory=dict)
    application_uid: str = ""
    sealing: bool = False
    undeletable: frozenset[ObjectKey] = frozenset()
    unverified: str = ""


def fingerprint(key: ObjectKey, uid: str) -> str:
    """Short digest of one object: thousands of them fit into a status."""
    return digest([str(key), uid])[:_FINGERPRINT_DIGITS]


def names(approved: str | None, plan_hash: str) -> bool:
    """Whether an approval's text means the plan with this hash."""
    text = (approved or "").strip().lower()
    return len(text) >= APPROVAL_DIGITS and plan_hash.startswith(text)
