"""Finds the owner of an object in another GitOps tool.

Two tools that apply one object overwrite each other, and the earlier one prunes what its repository no longer declares. Flux
names the managing object in labels, Argo CD in its tracking annotation; the instance label of Argo CD is a common label of many
charts, so it proves nothing and is not read. Pure: the caller reads the objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from gitops_agent.manifest.edits import is_tool
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.sync.action import MANAGED_BY_ANOTHER, Action, ActionKind
from gitops_agent.sync.live.live_object import LiveObject
from gitops_agent.sync.planning.plan import Plan

KUSTOMIZATION: Final = GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization")
HELM_RELEASE: Final = GroupKind("helm.toolkit.fluxcd.io", "HelmRelease")
ARGO_APPLICATION: Final = GroupKind("argoproj.io", "Application")
OWNERS: Final = frozenset({KUSTOMIZATION, HELM_RELEASE, ARGO_APPLICATION})
"""Kinds of other tools whose objects apply what a repository or a chart declares."""

_TRACKING_ID = "argocd.argoproj.io/tracking-id"
_COMMANDS = {KUSTOMIZATION: "kustomization", HELM_RELEASE: "helmrelease"}
_TAKEN = frozenset({"New", "Adopted"})
"""Reasons of writes that may take an object over."""


def takeovers(plan: Plan) -> tuple[Action, ...]:
    """The writes that may take an object over that is there already."""
    return tuple(
        action
        for action in plan.writes
        if action.reason in _TAKEN and not action.rollout and action.kind in (ActionKind.CREATE, ActionKind.UPDATE)
    )


def inherits(plan: Plan, objects: Mapping[ObjectKey, LiveObject]) -> bool:
    """Whether what the plan took over has fields of another tool.

    The next plan removes them. The answer to a write is no news when the watch brings it again, so nothing else asks for it.

    Args:
        plan: which ran.
        objects: as they are after it, those that were written.
    """
    taken = (objects[action.key] for action in takeovers(plan) if action.key in objects)
    return any(is_tool(edit.manager) for live in taken for edit in live.undeclared)


def left_to_owners(plan: Plan, managed: Mapping[ObjectKey, str]) -> Plan:
    """The plan in which objects that another tool manages wait.

    Args:
        plan: the plan.
        managed: why each such object waits.
    """
    if not managed:
        return plan
    actions = tuple(
        replace(action, kind=ActionKind.WAIT, reason=MANAGED_BY_ANOTHER, message=managed[action.key])
        if action.writes and action.key in managed
        else action
        for action in plan.actions
    )
    return replace(plan, actions=actions)


def waits_for_owners(plan: Plan) -> bool:
    """Whether an object of the plan waits for another tool."""
    return any(action.reason == MANAGED_BY_ANOTHER for action in plan.actions)


def owner_of(obj: Object, served: Iterable[GroupKind] = OWNERS) -> ObjectKey | None:
    """The object of another tool that manages this one.

    Of an Application of Argo CD the namespace is empty where the annotation does not name it.

    Args:
        obj: at least its metadata.
        served: the kinds of other tools that the cluster knows; owners of other kinds cannot act.
    """
    metadata = obj.get("metadata") or {}
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    served = frozenset(served)
    for kind in (KUSTOMIZATION, HELM_RELEASE):
        name, namespace = labels.get(f"{kind.group}/name"), labels.get(f"{kind.group}/namespace")
        disabled = annotations.get(f"{kind.group}/reconcile") == "disabled"
        if kind in served and name and namespace and not disabled:
            return kind.named(str(namespace), str(name))
    if ARGO_APPLICATION in served:
        return _tracked(ObjectKey.of(obj), str(annotations.get(_TRACKING_ID) or ""))
    return None


def _tracked(key: ObjectKey, tracking: str) -> ObjectKey | None:
    """The Application that tracks this object, not one it was copied from."""
    application, _, tracked = tracking.partition(":")
    kind, _, named = tracked.partition(":")
    namespace, _, name = named.rpartition("/")
    if not application or (kind, name) != (f"{key.group}/{key.kind}", key.name):
        return None
    if key.namespace and namespace != key.namespace:
        return None
    home, _, short = application.rpartition("_")
    return ARGO_APPLICATION.named(home, short)


def is_active(owner: Object) -> bool:
    """Whether an object of another tool goes on applying what it manages."""
    spec = owner.get("spec") or {}
    if ObjectKey.of(owner).group_kind != ARGO_APPLICATION:
        return spec.get("suspend") is not True
    automated = (spec.get("syncPolicy") or {}).get("automated")
    return automated is not None and automated.get("enabled") is not False


def reason_to_wait(owner: ObjectKey, *, unread: str = "") -> str:
    """Who manages an object, and how to end that.

    Args:
        owner: who.
        unread: why it could not be read, so that it counts as active.
    """
    named = f"{owner.namespace}/{owner.name}" if owner.namespace else owner.name
    doubt = f" (it could not be read, so it counts as active: {unread})" if unread else ""
    if owner.group_kind == ARGO_APPLICATION:
        return f"Application {named} of Argo CD manages it{doubt}: turn its automated sync off first"
    command = f"flux suspend {_COMMANDS[owner.group_kind]} {owner.name} -n {owner.namespace}"
    return f"{owner.kind} {named} of Flux manages it{doubt}: suspend it first (`{command}`)"
