"""Guards deletions: decides whether a plan needs approval.

Most disasters of declarative tools are one wrong line in Git, carried out promptly: a renamed directory, a generator that
printed nothing, a Namespace dropped from a list. A budget of deletions stops all of them at the same place, and costs a person
one command when the deletion was meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from gitops_agent.api.application import KIND as APPLICATION_KIND
from gitops_agent.api.durations import format_duration
from gitops_agent.api.sync_options import DeletionGuard, SyncMode
from gitops_agent.manifest.key import GroupKind, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION, CRD, NAMESPACE
from gitops_agent.sync.action import REMARKED, REMOVES, WRITES, Action, ActionKind
from gitops_agent.sync.planning.policy import BudgetUse

CONTAINERS = frozenset(
    {
        NAMESPACE,
        CRD,
        APPLICATION,
    },
)
"""Kinds whose deletion takes other API objects along, which are counted before."""

_NONE: Mapping[GroupKind, int] = {}
_SHOWN = 5
_UNSEEN = frozenset({"CannotSee", "UnknownKind"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependants:
    """Dependants that an object's deletion removes beside the plan's own deletions.

    Attributes:
        total: objects that count like deletions: custom resources of a CRD, objects in a namespace, all under an Application.
        declared_elsewhere: how many of them another application declares.
        samples: some of them by name, for people.
        notes: what else there is to say: running pods, volumes whose reclaim policy is Delete, load balancers.
        cannot_see: kinds that could not be listed, so that `total` may be short.
        objects: what is removed with an Application, with UIDs: an approval of its removal covers them.
    """

    total: int = 0
    declared_elsewhere: int = 0
    samples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cannot_see: tuple[str, ...] = ()
    objects: tuple[tuple[ObjectKey, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    """Everything a plan takes away.

    Attributes:
        deletions: objects deleted.
        replacements: objects deleted and created again.
        hidden: objects of kinds that cannot be listed since the start, which are known by number only.
        unseen: objects that are deleted as soon as their kind can be listed; they count, or a kind that is out of sight for a
            while would split one large deletion into two small ones.
        dependants: what hangs under them, by object.
        live: how many objects of the application are live.
        budget: how many objects may go without approval.
    """

    deletions: tuple[ObjectKey, ...] = ()
    replacements: tuple[ObjectKey, ...] = ()
    unseen: tuple[ObjectKey, ...] = ()
    hidden: Mapping[GroupKind, int] = field(default_factory=dict)
    dependants: Mapping[ObjectKey, Dependants] = field(default_factory=dict)
    live: int = 0
    budget: int = 0

    @property
    def total(self) -> int:
        """Objects that go now or later, those that hang under others included."""
        now = len(self.deletions) + len(self.replacements)
        return now + self.later + sum(under.total for under in self.dependants.values())

    @property
    def later(self) -> int:
        """Objects that go, or may go, once their kind can be listed."""
        return len(self.unseen) + sum(self.hidden.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardVerdict:
    """Whether the plan may run.

    Attributes:
        held: nothing but repairs of drift may run until the plan's hash is approved.
        reason: a code from the table of reasons; empty when there was nothing to object to.
        message: every objection, in one line.
        blast: what the plan removes.
        approved: there were objections, and a user approved this plan.
    """

    held: bool = False
    reason: str = ""
    message: str = ""
    blast: BlastRadius = field(default_factory=BlastRadius)
    approved: bool = False


def budget(guard: DeletionGuard, live: int) -> int:
    """How many of so many live objects may be deleted without approval."""
    return max(guard.max_objects, guard.max_percent * live // 100)


def judge(
    actions: Sequence[Action],
    *,
    guard: DeletionGuard,
    mode: SyncMode,
    live: int,
    empty: bool,
    dependants: Mapping[ObjectKey, Dependants],
    approved: bool,
    hidden: Mapping[GroupKind, int] = _NONE,
    over_budget: BudgetUse | None = None,
) -> GuardVerdict:
    """The verdict on a plan.

    Args:
        actions: all of the plan.
        guard: budget and protected kinds.
        mode: in `manual`, every change that is no repair of drift needs approval.
        live: how many objects of the application are live.
        empty: nothing is declared, and that is not allowed explicitly.
        dependants: of the deletions; a Namespace, CRD or Application that is not in it was not counted.
        approved: whether a user approved this very plan.
        hidden: objects of kinds that cannot be listed since the start.
        over_budget: the budget over all Applications, when it has no room for the plan.
    """
    writes = [action for action in actions if action.kind in WRITES and not action.rollout]
    removed = [action for action in writes if action.kind in REMOVES]
    blast = BlastRadius(
        deletions=tuple(action.key for action in removed if action.kind is ActionKind.DELETE),
        replacements=tuple(action.key for action in removed if action.kind is ActionKind.REPLACE),
        unseen=tuple(action.key for action in actions if _is_unseen(action)) if removed else (),
        hidden=hidden if removed else {},
        dependants={action.key: dependants[action.key] for action in removed if action.key in dependants},
        live=live,
        budget=budget(guard, live),
    )
    causes: list[tuple[str, str]] = []
    if empty and live:
        causes.append(("EmptyRender", f"the revision declares nothing, while {live} objects of the application are live"))
    causes += (("HeldForApproval", text) for text in _objections(blast, guard))
    if over_budget is not None and removed:
        causes.append(("HeldForApproval", _crowded(blast, over_budget)))
    if mode is SyncMode.MANUAL and any(not action.drift and action.reason != REMARKED for action in writes):
        causes.append(("AwaitingApproval", "changes wait for approval in mode manual"))
    if not causes:
        return GuardVerdict(blast=blast)
    return GuardVerdict(
        held=not approved,
        reason=causes[0][0],
        message="; ".join(text for _, text in causes),
        blast=blast,
        approved=approved,
    )


def _objections(blast: BlastRadius, guard: DeletionGuard) -> Iterator[str]:
    keys = (*blast.deletions, *blast.replacements)
    if blast.total > blast.budget:
        beside = blast.total - len(keys) - blast.later
        with_them = f", {beside} of them along with others" if beside else ""
        later = f", {blast.later} of them once their kind can be listed" if blast.later else ""
        if blast.hidden:
            later += f" ({', '.join(map(str, blast.hidden))})"
        yield f"{blast.total} objects would go{with_them}{later}, more than the budget of {blast.budget}: {_list(keys)}"
    guarded = [key for key in keys if _is_protected(key, guard)]
    if guarded:
        yield f"protected kinds would be deleted: {_list(guarded)}"
    along = [key for under in blast.dependants.values() for key, _ in under.objects if _is_protected(key, guard)]
    if along:
        yield f"protected kinds would be deleted along with others: {_list(along)}"
    for key in keys:
        if key.group_kind not in CONTAINERS:
            continue
        under = blast.dependants.get(key)
        if under is None:
            yield f"what goes along with {key} was not counted"
        elif under.cannot_see:
            yield f"what goes along with {key} cannot be seen in full: {', '.join(under.cannot_see)}"
        elif under.total and key.kind != APPLICATION_KIND:
            yield f"{key} holds {under.total} objects this application does not declare: {', '.join(under.samples[:_SHOWN])}"


def _crowded(blast: BlastRadius, use: BudgetUse) -> str:
    several = f"{use.applications} Application{'' if use.applications == 1 else 's'}"
    before = f"after {use.spent} of {several} within {format_duration(timedelta(seconds=use.window_seconds))}"
    keys = (*blast.deletions, *blast.replacements)
    return f"{blast.total} objects would go {before}, more than the agent.deletionBudget of {use.budget}: {_list(keys)}"


def _is_protected(key: ObjectKey, guard: DeletionGuard) -> bool:
    return key.kind in guard.protected_kinds or str(key.group_kind) in guard.protected_kinds


def _is_unseen(action: Action) -> bool:
    """Whether a deletion waits only because its kind cannot be listed."""
    return action.kind is ActionKind.WAIT and action.intent is ActionKind.DELETE and action.reason in _UNSEEN


def _list(keys: Iterable[ObjectKey]) -> str:
    texts = [str(key) for key in keys]
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return ", ".join(texts[:_SHOWN]) + more
