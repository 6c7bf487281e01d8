"""Computes the plan from declared and live objects, as a pure function.

The same value is shown by `diff`, approved by its hash, written to the audit trail and handed to the executor, so what was
approved is what runs.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from gitops_agent.api.sync_options import SyncMode
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import AppKey, GroupKind, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.action import (
    BROKEN,
    DELETION_FORBIDDEN,
    REMARKED,
    REMOVES,
    UNVERIFIED,
    WRITES,
    Action,
    ActionKind,
    PlanError,
)
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.generated_values import with_live_values
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.live.live_object import Snapshot
from gitops_agent.sync.ordering.order import Edge, Graph, Until, graph, ordered
from gitops_agent.sync.planning.comparator import ObjectComparator, contested
from gitops_agent.sync.planning.deletion_guard import CONTAINERS, BlastRadius, Dependants, GuardVerdict, judge
from gitops_agent.sync.planning.policy import Approval, PlanPolicy, fingerprint, names
from gitops_agent.sync.planning.prune import prune_actions
from gitops_agent.sync.planning.unlistable_objects import unlistable

__all__ = [
    "Action",
    "ActionKind",
    "Approval",
    "BlastRadius",
    "Dependants",
    "Edge",
    "Graph",
    "GuardVerdict",
    "Plan",
    "PlanError",
    "PlanPolicy",
    "Until",
    "plan",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is done, in order.

    Attributes:
        application: whose.
        revision: of which commit.
        application_uid: of the Application, for the seals of its marks.
        actions: one an object, in an order that satisfies the edges.
        edges: what waits for what.
        verdict: whether it may run.
        granted: an approval covers it, whether it needs one or not.
        hash: names its content: everything declared and everything removed, but no drift.
        content: digest over everything declared.
        warnings: facts worth reporting though nothing is done about them.
        cannot_see: kinds that could not be listed; none of their objects is deleted.
        hooks: what runs before, with and after it, when its content is new.
    """

    application: AppKey
    revision: Revision
    actions: tuple[Action, ...]
    edges: Graph = field(default_factory=Graph)
    verdict: GuardVerdict = field(default_factory=GuardVerdict)
    granted: bool = False
    hash: str
    content: str = ""
    warnings: tuple[str, ...] = ()
    cannot_see: Mapping[GroupKind, str] = field(default_factory=dict)
    application_uid: str = ""
    hooks: tuple[Hook, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing would be sent and nothing is waited for."""
        return not any(action.kind in WRITES or action.kind in (ActionKind.HOLD, ActionKind.WAIT) for action in self.actions)

    @property
    def writes(self) -> tuple[Action, ...]:
        """What the executor sends something for, in order."""
        return tuple(action for action in self.actions if action.writes)

    @property
    def uncounted(self) -> tuple[ObjectKey, ...]:
        """Deletions whose dependants were not counted yet: gather them and plan again."""
        dependants = self.verdict.blast.dependants
        return tuple(key for key in _removed(self.actions) if key.group_kind in CONTAINERS and key not in dependants)

    def changes(self) -> tuple[Action, ...]:
        """All intended writes, whether run, held, waiting or skipped."""
        return tuple(action for action in self.actions if action.intent in WRITES)

    def approval(self) -> Approval:
        """What approving this plan allows, to be carried along while it runs."""
        removed = frozenset((str(key), uid) for key, uid in _removed(self.actions).items())
        covers = frozenset(
            fingerprint(key, uid) for under in self.verdict.blast.dependants.values() for key, uid in under.objects
        )
        return Approval(hash=self.hash, content=self.content, deletions=removed, covers=covers)


def plan(
    desired: Desired,
    snapshot: Snapshot,
    policy: PlanPolicy,
    *,
    dependants: Mapping[ObjectKey, Dependants] | None = None,
    immutable: Container[ObjectKey] = frozenset(),
) -> Plan:
    """What to do so that the cluster becomes what is desired.

    Args:
        desired: D(t); taken as empty when the Application is being deleted.
        snapshot: what is live.
        policy: the rules.
        dependants: what hangs under deletions, as far as it was counted (see `Plan.uncounted`).
        immutable: objects which the API server has proved it cannot change in place.

    Raises:
        PlanError: objects wait for each other in a circle.
    """
    if policy.application_deleting:
        desired = replace(desired, manifests=(), hooks=(), skipped=(), warnings=(), unscoped=frozenset())
    live = with_live_values(desired.manifests, snapshot.objects, desired.application)
    desired = replace(desired, manifests=live)
    comparison = ObjectComparator(application=desired.application, snapshot=snapshot, policy=policy, immutable=immutable)
    actions = [_declared(manifest, desired, comparison) for manifest in desired.manifests]
    actions += (
        Action(
            kind=ActionKind.SKIP,
            key=skipped.manifest.key,
            manifest=skipped.manifest,
            live=snapshot.objects.get(skipped.manifest.key),
            reason=skipped.reason,
            message=skipped.message,
            intent=ActionKind.SKIP,
        )
        for skipped in desired.skipped
    )
    actions += prune_actions(desired, snapshot, policy, dependants or {})
    edges = graph(actions)
    return _judged(
        desired,
        snapshot,
        policy,
        actions=ordered(actions, edges),
        edges=edges,
        dependants=dependants or {},
    )


def _declared(manifest: Manifest, desired: Desired, comparison: ObjectComparator) -> Action:
    """What to do with a declared object, which may be contested."""
    holder = desired.contested.get(manifest.key)
    if holder is None:
        return comparison.action(manifest)
    live = comparison.snapshot.objects.get(manifest.key)
    return contested(manifest, live, f"declared in {manifest.place}, but already by Application {holder}")


def _judged(
    desired: Desired,
    snapshot: Snapshot,
    policy: PlanPolicy,
    *,
    actions: tuple[Action, ...],
    edges: Graph,
    dependants: Mapping[ObjectKey, Dependants],
) -> Plan:
    """The plan of these actions, after the guard has seen them."""
    actions = tuple(replace(action, rollout=True) if action.key in desired.rolled else action for action in actions)
    declared = [list(pair) for pair in desired.content]
    run = sorted(hook.content for hook in desired.hooks)
    content = digest([str(desired.application), policy.application_uid, declared, *([run] if run else [])])
    removed = _removed(actions)
    name = digest([content, sorted([str(key), uid] for key, uid in removed.items())])
    warnings = (*desired.warnings, *_warnings(actions, policy))
    if policy.mode is SyncMode.OBSERVE:
        actions = tuple(_observed(action) for action in actions)
    owned = {key for key, live in snapshot.objects.items() if live.owner == desired.application and not live.hook_run}
    granted = (
        names(policy.approved, name)
        or _carried(policy.carried, content, removed)
        or _covered(policy, removed, dependants or {})
    )
    verdict = judge(
        actions,
        guard=policy.guard,
        mode=policy.mode,
        live=len(owned),
        empty=not desired.manifests and not policy.application_deleting and policy.mode is not SyncMode.OBSERVE,
        dependants=dependants,
        hidden=unlistable(policy.recorded, snapshot.cannot_see, owned | {manifest.key for manifest in desired.manifests}),
        approved=granted,
        over_budget=policy.over_budget,
    )
    if verdict.held:
        actions = tuple(_held(action, verdict) for action in actions)
    return Plan(
        application=desired.application,
        revision=desired.revision,
        application_uid=policy.application_uid,
        actions=actions,
        edges=edges,
        verdict=verdict,
        granted=granted,
        hash=name,
        content=content,
        warnings=warnings,
        cannot_see=snapshot.cannot_see,
        hooks=desired.hooks,
    )


_WARNED = frozenset({"StillInUse", "AgentObject"})
"""Reasons for skipping an object that need a user's action."""

_SUMMED = {
    UNVERIFIED: "the marks name this application but carry no valid seal, so they are left alone",
    BROKEN: "no longer declared, and their marks are damaged: delete them, or remove their labels to keep them",
    DELETION_FORBIDDEN: "no longer declared, but the Application's account may not delete them",
}
"""Reasons of which one warning names a few objects."""

_NAMED = 3


def _warnings(actions: Iterable[Action], policy: PlanPolicy) -> Iterator[str]:
    """What is left alone and needs a user's action, a bounded text."""
    actions = tuple(actions)
    if policy.unverified:
        yield f"marks cannot be verified, so nothing is pruned: {policy.unverified}"
    for reason, text in _SUMMED.items():
        keys = sorted(action.key for action in actions if action.reason == reason)
        if keys and not (policy.unverified and reason == UNVERIFIED):
            more = f" and {len(keys) - _NAMED} more" * (len(keys) > _NAMED)
            yield f"{', '.join(map(str, keys[:_NAMED]))}{more}: {text}"
    yield from (f"{action.key}: {action.message}" for action in actions if action.reason in _WARNED)


def _removed(actions: Iterable[Action]) -> dict[ObjectKey, str]:
    """What the plan removes, or would once approved, with UIDs."""
    return {
        action.key: action.live.uid
        for action in actions
        if action.intent in REMOVES
        and action.live is not None
        and not action.rollout
        and (action.writes or action.kind is ActionKind.HOLD)
    }


def _carried(carried: Approval | None, content: str, removed: Mapping[ObjectKey, str]) -> bool:
    if carried is None or carried.content != content:
        return False
    return carried.allows([(str(key), uid) for key, uid in removed.items()])


def _covered(policy: PlanPolicy, removed: Mapping[ObjectKey, str], dependants: Mapping[ObjectKey, Dependants]) -> bool:
    """Whether the approval of an Application above covers this one's deletion.

    Only what was counted for that approval is covered: a namespace with objects of another origin was not.
    """
    if not policy.covered or not policy.application_deleting or not removed:
        return False
    under = {key: dependants[key] for key in removed if key in dependants}
    if any(key.group_kind in CONTAINERS and key not in under for key in removed):
        return False
    if any(deps.cannot_see or deps.total > len(deps.objects) for deps in under.values()):
        return False
    objects = [*removed.items(), *(pair for deps in under.values() for pair in deps.objects)]
    return policy.covered.issuperset(fingerprint(key, uid) for key, uid in objects)


def _observed(action: Action) -> Action:
    if not action.writes:
        return action
    return replace(action, kind=ActionKind.SKIP, reason="Observing", message=f"mode observe leaves it alone ({action.reason})")


def _held(action: Action, verdict: GuardVerdict) -> Action:
    if not action.writes or action.drift or action.rollout or action.reason == REMARKED:
        return action
    return replace(action, kind=ActionKind.HOLD, reason=verdict.reason, message=f"waits for approval ({action.reason})")
