"""What an application, its approvals and the installation allow a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gitops_agent.api.sync_options import DeletionGuard, ErrorPolicy, IgnoreFields, SyncMode
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import GroupKind, ObjectKey
from gitops_agent.sync.planning.deletion_set import DeletionSet

_FINGERPRINT_DIGITS = 12
APPROVAL_DIGITS = 12
"""A hash may be approved by this many leading hexadecimal digits, or more."""
_LISTED_CHARACTERS = 32_768
"""Deletions that are longer as a list are kept in a status as digests."""
_COVERS_KEPT = 1_000
"""More than these are not kept over a restart: what they are of waits for an approval of its own."""


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
        many: the same as digests, in place of `deletions`, when a status had no room for more.
        covers: fingerprints of what is removed with the Applications that plan removes.
        by: who approved, as claimed by the client or named by the commit; empty without a name.
        via: how: `annotation` or `trailer`; empty when that is not known.
    """

    hash: str
    content: str
    deletions: frozenset[tuple[str, str]]
    many: DeletionSet | None = None
    covers: frozenset[str] = frozenset()
    by: str = ""
    via: str = ""

    def includes(self, other: Approval) -> bool:
        """Whether it allows everything that another one does."""
        same = self.content == other.content and self.covers >= other.covers
        return same and self.allows(other.deletions) and other.many in (None, self.many)

    def allows(self, removed: Collection[tuple[str, str]]) -> bool:
        """Whether all of these keys and UIDs may be deleted."""
        return self.deletions.issuperset(removed) if self.many is None else self.many.includes(removed)

    def to_json(self) -> dict[str, Any]:
        """As JSON values of bounded size, for a status."""
        named = {name: text for name, text in (("by", self.by), ("via", self.via)) if text}
        covers = {"covers": sorted(self.covers)} if 0 < len(self.covers) <= _COVERS_KEPT else {}
        deletions = _many_to_json(self.many) if self.many is not None else _deletions_to_json(self.deletions)
        return {"hash": self.hash, "content": self.content, **deletions, **covers, **named}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Approval | None:
        """What `to_json` gave; None for anything else."""
        try:
            deletions = frozenset((str(key), str(uid)) for key, uid in value["deletions"])
            by, via = str(value.get("by") or ""), str(value.get("via") or "")
            covers = frozenset(map(str, value.get("covers") or ()))
            digests, content = value.get("deletionDigests"), str(value["content"])
            many = _many_from_json(digests) if digests else None
            return cls(hash=str(value["hash"]), content=content, deletions=deletions, many=many, covers=covers, by=by, via=via)
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


@lru_cache(maxsize=2)
def _deletions_to_json(deletions: frozenset[tuple[str, str]]) -> dict[str, Any]:
    """As a list, or as digests where that is too long.

    It is kept, because a status is written often while a plan runs.
    """
    if sum(len(key) + len(uid) for key, uid in deletions) <= _LISTED_CHARACTERS:
        return {"deletions": sorted([key, uid] for key, uid in deletions)}
    return _many_to_json(DeletionSet.of(deletions))


def _many_to_json(many: DeletionSet) -> dict[str, Any]:
    return {"deletions": [], "deletionDigests": {"count": many.count, "bits": many.bits, "digests": many.text}}


def _many_from_json(value: Mapping[str, Any]) -> DeletionSet:
    return DeletionSet.parse(str(value["digests"]), count=int(value["count"]), bits=int(value["bits"]))


def fingerprint(key: ObjectKey, uid: str) -> str:
    """Short digest of one object: thousands of them fit into a status."""
    return digest([str(key), uid])[:_FINGERPRINT_DIGITS]


def names(approved: str | None, plan_hash: str) -> bool:
    """Whether an approval's text means the plan with this hash."""
    text = (approved or "").strip().lower()
    return len(text) >= APPROVAL_DIGITS and plan_hash.startswith(text)
