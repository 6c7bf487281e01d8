"""Decides which undeclared objects of the application to prune.

Losing a user's data is the one unforgivable mistake, so the default is to keep. An object is pruned only when
its marks are bound to it and name this application, it has no other controller, no annotation protects it, all that could
contradict has been listed, and nothing that stays would be deleted with it. Damaged or unproven marks are reported.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from gitops_agent.manifest.key import GroupKind, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION as APPLICATION_KIND
from gitops_agent.manifest.kinds import CRD, DEPLOYMENT, GROUP, NAMESPACE
from gitops_agent.manifest.marks import APPLICATION, ID, label_value
from gitops_agent.sync.action import BROKEN, DELETION_FORBIDDEN, UNVERIFIED, Action, ActionKind
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.health.delivery import HELD
from gitops_agent.sync.hooks.delete_policy import RUNS_TO_AN_END
from gitops_agent.sync.live.live_object import LiveObject, Snapshot
from gitops_agent.sync.planning.deletion_guard import Dependants
from gitops_agent.sync.planning.policy import PlanPolicy

_SHOWN = 3
_DAMAGED = f"it is no longer declared, and its mark is damaged (annotation {ID}), so it is left alone"


def prune_actions(
    desired: Desired,
    snapshot: Snapshot,
    policy: PlanPolicy,
    dependants: Mapping[ObjectKey, Dependants],
) -> Iterator[Action]:
    """One action for every undeclared live object of the application."""
    declared = {manifest.key for manifest in desired.manifests} | {skipped.manifest.key for skipped in desired.skipped}
    declared |= {hook.key for hook in desired.hooks}
    if not policy.application_deleting:
        # What a hook made goes by its delete policy, or with the Application.
        declared |= {key for key, live in snapshot.objects.items() if live.hook_run}
    if orphaned := [key for key in policy.protected if key.group_kind == DEPLOYMENT and key not in declared]:
        # The agent stays although it is not declared, and with it what it runs on, such as its configuration.
        policy = replace(policy, protected=policy.protected | {key for key in snapshot.objects if _belongs(key, orphaned)})
    actions = [
        _alone(live, desired=desired, snapshot=snapshot, policy=policy)
        for key, live in snapshot.objects.items()
        if key not in declared and key not in desired.kept and live.owner == desired.application
    ]
    actions += [
        _left(live, UNVERIFIED, "its marks name this application without a valid seal, so it is left alone")
        for key, live in snapshot.objects.items()
        if key not in declared and key not in desired.kept and live.claimed == desired.application
    ]
    label = label_value(desired.application)
    actions += [
        _left(live, BROKEN, f"{_DAMAGED}: delete it, or remove its label {APPLICATION} to keep it")
        for key, live in snapshot.objects.items()
        if live.damaged == label and not live.deleting and key not in declared and key not in desired.kept
    ]
    kept = [action for action in actions if action.kind is not ActionKind.DELETE and action.reason != "Terminating"]
    contents = _Contents(desired, kept, snapshot.objects.keys() & desired.kept)
    for action in actions:
        if action.kind is ActionKind.DELETE and action.key.group_kind in (NAMESPACE, CRD):
            yield _container(action, contents, dependants.get(action.key))
        else:
            yield action


def _alone(live: LiveObject, *, desired: Desired, snapshot: Snapshot, policy: PlanPolicy) -> Action:
    """The action for one object, by that object alone."""
    kind = live.key.group_kind
    if live.deleting:
        return _wait(live, "Terminating", _terminating(live))
    kept = _kept(live, policy)
    if kept is None and live.key == APPLICATION_KIND.named(desired.application.namespace, desired.application.name):
        kept = "AgentObject", "it is no longer declared, but no Application deletes itself"
    if kept is not None:
        return _left(live, *kept)
    # The annotation proves nothing, since users can write it. Only what the rollout's status names passes the guard.
    if live.rollout and live.key in desired.made and not policy.application_deleting and snapshot.complete:
        return replace(_undone(live, ActionKind.DELETE, "RolloutOver", "the rollout no longer needs it"), rollout=True)
    if not policy.prune and not policy.application_deleting:
        return _left(live, "PruningOff", "it is no longer declared, but pruning is switched off")
    if kind in snapshot.cannot_see:
        return _wait(live, "CannotSee", f"objects of its kind cannot be listed: {snapshot.cannot_see[kind]}")
    if kind in desired.unscoped:
        return _wait(live, "UnknownKind", f"{kind} is declared, but the cluster does not say whether it is namespaced")
    if not snapshot.complete:
        return _wait(live, "NotListed", "not every kind has been listed yet")
    action = _undone(live, ActionKind.DELETE, "Pruning", "it is no longer declared")
    # What ran to an end for a hook holds no data: it is neither counted nor held.
    return replace(action, rollout=True) if live.hook_run and kind in RUNS_TO_AN_END else action


def _terminating(live: LiveObject) -> str:
    if live.health.reason == HELD:
        return f"its deletion waits for approval: {live.health.message}"
    return f"it is being deleted; {', '.join(live.finalizers)} must agree" if live.finalizers else "it is being deleted"


def _kept(live: LiveObject, policy: PlanPolicy) -> tuple[str, str] | None:
    """The reason and message for never pruning an object, or None."""
    if _of_the_agent(live.key, policy):
        return "AgentObject", "it belongs to the agent's own installation, which the agent never deletes"
    if live.controlled:
        return "Controlled", "another object controls it and decides about it"
    if live.key in policy.undeletable:
        return DELETION_FORBIDDEN, "it is no longer declared, but the Application's account may not delete it"
    if live.prune_disabled:
        return "PruneDisabled", "it is no longer declared, but asks to be kept"
    return None


def _belongs(key: ObjectKey, deployments: Iterable[ObjectKey]) -> bool:
    """Whether an object has a Deployment's namespace and name.

    Or a name that begins with it, such as `NAME-config`.
    """
    return any(
        key.namespace == deployment.namespace and (key.name == deployment.name or key.name.startswith(f"{deployment.name}-"))
        for deployment in deployments
    )


def _of_the_agent(key: ObjectKey, policy: PlanPolicy) -> bool:
    if key in policy.protected:
        return True
    if key.group_kind == NAMESPACE:
        return bool(policy.agent_namespace) and key.name == policy.agent_namespace
    return key.group_kind == CRD and key.name.endswith("." + GROUP)


class _Contents:
    """Remaining contents of namespaces and CRDs: declared or kept objects."""

    def __init__(self, desired: Desired, kept: Iterable[Action], needed: Iterable[ObjectKey]) -> None:
        manifests = [*desired.manifests, *(skipped.manifest for skipped in desired.skipped)]
        manifests += (hook.manifest for hook in desired.hooks)
        staying = [*(manifest.key for manifest in manifests), *(action.key for action in kept), *needed]
        self.waiting = {action.key for action in kept if action.kind is ActionKind.WAIT}
        self.by_namespace: dict[str, list[ObjectKey]] = {}
        self.by_group: dict[str, list[ObjectKey]] = {}
        defined = {kind for manifest in manifests if (kind := _defined(manifest.obj)) is not None}
        for key in staying:
            if key.namespace:
                self.by_namespace.setdefault(key.namespace, []).append(key)
            if key.group_kind not in defined:
                self.by_group.setdefault(key.group, []).append(key)

    def of(self, key: ObjectKey) -> list[ObjectKey]:
        """What stays and would go along with a Namespace or CRD.

        Of a CRD only the name is known, `plural.group`. Every plural we know of begins like its kind; a wrong guess keeps
        a CRD that could go, and says so.
        """
        if key.group_kind == NAMESPACE:
            return self.by_namespace.get(key.name, [])
        plural, _, group = key.name.partition(".")
        return [member for member in self.by_group.get(group, []) if member.kind[:1].lower() == plural[:1]]


def _defined(obj: Mapping[str, object]) -> GroupKind | None:
    """The kind a declared CRD defines."""
    spec = obj.get("spec")
    if obj.get("kind") != CRD.kind or not isinstance(spec, dict) or not isinstance(spec.get("names"), dict):
        return None
    return GroupKind(str(spec.get("group")), str(spec["names"].get("kind")))


def _container(action: Action, contents: _Contents, dependants: Dependants | None) -> Action:
    """Deletes a Namespace or CRD; refused while it holds remaining objects."""
    staying = contents.of(action.key)
    if staying:
        shown = ", ".join(map(str, sorted(staying)[:_SHOWN])) + (f" and {len(staying) - _SHOWN} more" * (len(staying) > _SHOWN))
        kind = ActionKind.WAIT if contents.waiting.issuperset(staying) else ActionKind.SKIP
        return _stays(action, kind, f"it still holds {shown}")
    if dependants is not None and dependants.declared_elsewhere:
        samples = f", such as {', '.join(dependants.samples[:_SHOWN])}" if dependants.samples else ""
        return _stays(
            action, ActionKind.SKIP, f"it holds {dependants.declared_elsewhere} objects of other applications{samples}"
        )
    return action


def _stays(action: Action, kind: ActionKind, message: str) -> Action:
    intent = ActionKind.DELETE if kind is ActionKind.WAIT else ActionKind.SKIP
    return replace(action, kind=kind, intent=intent, reason="StillInUse", message=message)


def _left(live: LiveObject, reason: str, message: str) -> Action:
    return Action(kind=ActionKind.SKIP, key=live.key, live=live, reason=reason, message=message, intent=ActionKind.SKIP)


def _wait(live: LiveObject, reason: str, message: str) -> Action:
    return _undone(live, ActionKind.WAIT, reason, message)


def _undone(live: LiveObject, kind: ActionKind, reason: str, message: str) -> Action:
    return Action(kind=kind, key=live.key, live=live, reason=reason, message=message, intent=ActionKind.DELETE)
