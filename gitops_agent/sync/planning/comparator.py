"""Compares a declared object with the live one, and chooses the action.

Equality needs no request and no remembered object. The digest on the live object says which manifest was applied last; the
projection of the fields we own shows whether it was changed since, either because it equals what the manifest itself
projects to, or what stood there right after our apply, or because ownership proves that there was no other writer.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from gitops_agent.api.sync_options import SyncMode
from gitops_agent.manifest.edits import is_tool
from gitops_agent.manifest.fields import desired_hash
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.sync import ignore_fields, object_options
from gitops_agent.sync.action import OWNED_BY_ANOTHER, REMARKED, Action, ActionKind
from gitops_agent.sync.generated_values import compared
from gitops_agent.sync.live.live_object import LiveObject, Snapshot
from gitops_agent.sync.planning.policy import PlanPolicy

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectComparator:
    """What all declared objects of one plan are compared under.

    Attributes:
        application: whose plan it is.
        snapshot: what is live.
        policy: the rules.
        immutable: objects which the API server has proved it cannot change in place.
    """

    application: AppKey
    snapshot: Snapshot
    policy: PlanPolicy
    immutable: Container[ObjectKey] = frozenset()

    def action(self, manifest: Manifest) -> Action:
        """What to do with a declared object."""
        live = self.snapshot.objects.get(manifest.key)
        if live is None:
            return self._missing(manifest)
        names = ignore_fields.managers(manifest.key, self.policy.ignore_fields)
        if names and live.evidence is not None:
            # Under the digest of what is declared: what others manage changes, what Git declares does not.
            manifest = replace(manifest, obj=ignore_fields.without_managed(manifest.obj, live.evidence, names))
        options, _ = object_options.read(manifest.obj)
        stranger = live.named not in (None, self.application)
        if options.create_only:
            message = f"it is there, and belongs to application {live.named}" if stranger else "it is there"
            return _left(manifest, live, "CreateOnly", message)
        if stranger:
            return contested(manifest, live, f"declared in {manifest.place}, but it belongs to Application {live.named}")
        if live.deleting:
            return _to(ActionKind.WAIT, manifest, live, "Terminating", _terminating(live))
        return self._present(manifest, live, replaceable=options.replace_on_immutable)

    def _present(self, manifest: Manifest, live: LiveObject, *, replaceable: bool) -> Action:
        """The action for a live object that no other application has."""
        if live.named != self.application:
            return _to(ActionKind.UPDATE, manifest, live, "Adopted", "it is there already, and belongs to no application")
        if live.digest != manifest.digest:
            if replaceable and manifest.key in self.immutable:
                message = "what changed cannot be changed in place"
                return _to(ActionKind.REPLACE, manifest, live, "Immutable", message, intent=ActionKind.REPLACE)
            return _to(ActionKind.UPDATE, manifest, live, "Changed", "")
        action = self._drift(manifest, live)
        if live.owner is None and self._sealing and action.kind is ActionKind.UNCHANGED:
            return _to(ActionKind.UPDATE, manifest, live, REMARKED, "its marks carry no valid seal, and are written anew")
        return action

    @property
    def _sealing(self) -> bool:
        return self.policy.sealing and self.policy.mode is not SyncMode.OBSERVE

    def _missing(self, manifest: Manifest) -> Action:
        why = self.snapshot.cannot_see.get(manifest.key.group_kind)
        if why is not None:
            message = f"whether it is there cannot be seen: {why}"
            return _to(ActionKind.WAIT, manifest, None, "CannotSee", message, intent=ActionKind.CREATE)
        before = self.snapshot.baselines.get(manifest.key)
        if before is None or before[0] != manifest.digest:
            return _to(ActionKind.CREATE, manifest, None, "New", "", intent=ActionKind.CREATE)
        kind = ActionKind.CREATE if self.policy.self_heal else ActionKind.SKIP
        return _to(kind, manifest, None, "Missing", "it was deleted by another writer", intent=ActionKind.CREATE, drift=True)

    def _drift(self, manifest: Manifest, live: LiveObject) -> Action:
        """The action for an object whose manifest was applied before."""
        kind = ActionKind.UPDATE if self.policy.self_heal else ActionKind.SKIP
        exempt = (*ignore_fields.paths(manifest.key, self.policy.ignore_fields), *manifest.generated)
        names = ignore_fields.managers(manifest.key, self.policy.ignore_fields)
        edits = [
            edit
            for edit in live.undeclared
            if not ignore_fields.covers(exempt, edit.path, live.evidence) and not ignore_fields.manages(edit.manager, names)
        ]
        if not self._as_applied(manifest, live):
            action = _to(kind, manifest, live, "Drifted", "a declared field was changed by another writer", drift=True)
            return replace(action, undeclared=tuple(edits))
        left = [edit for edit in edits if is_tool(edit.manager)]
        if left and not self.policy.self_heal:
            # What a tool left that managed the object before is no drift: the take-over ends with it.
            kind, edits = ActionKind.UPDATE, left
        if edits:
            shown = ", ".join(f"{edit.path} by {edit.manager}" for edit in edits[:_SHOWN])
            more = f" and {len(edits) - _SHOWN} more" if len(edits) > _SHOWN else ""
            action = _to(kind, manifest, live, "Undeclared", f"not declared: {shown}{more}", drift=True)
            return replace(action, undeclared=tuple(edits))
        action = _to(ActionKind.UNCHANGED, manifest, live, "Synced", "", intent=ActionKind.UNCHANGED)
        return replace(action, unproven=True) if self._unproven(manifest, live) else action

    def _unproven(self, manifest: Manifest, live: LiveObject) -> bool:
        """Whether only the name of the field manager proves the object."""
        before, declared = self.snapshot.baselines.get(manifest.key), _compared(manifest, live)
        if (before is not None and before[0] == manifest.digest) or live.projection == desired_hash(declared):
            return False
        return not live.agrees(declared)

    def _as_applied(self, manifest: Manifest, live: LiveObject) -> bool:
        """Whether the fields we own are as right after the apply."""
        before, declared = self.snapshot.baselines.get(manifest.key), _compared(manifest, live)
        if before is not None and before[0] == manifest.digest:
            return live.projection == before[1] or live.projection == desired_hash(declared)
        return live.projection == desired_hash(declared) or live.proves(declared)


def _compared(manifest: Manifest, live: LiveObject) -> Object:
    """What is compared: generated values only as far as they are ours."""
    evidence = live.evidence if manifest.generated else None
    return manifest.obj if evidence is None else compared(manifest, evidence)


def contested(manifest: Manifest, live: LiveObject | None, message: str) -> Action:
    """Leaves out an object that another application holds."""
    return _to(ActionKind.SKIP, manifest, live, OWNED_BY_ANOTHER, message)


def _terminating(live: LiveObject) -> str:
    held = f" ({', '.join(live.finalizers)} must agree)" if live.finalizers else ""
    return f"it is being deleted{held}; it is applied again once it is gone"


def _left(manifest: Manifest, live: LiveObject, reason: str, message: str) -> Action:
    return _to(ActionKind.SKIP, manifest, live, reason, message, intent=ActionKind.SKIP)


def _to(
    kind: ActionKind,
    manifest: Manifest,
    live: LiveObject | None,
    reason: str,
    message: str,
    *,
    intent: ActionKind = ActionKind.UPDATE,
    drift: bool = False,
) -> Action:
    return Action(
        kind=kind,
        key=manifest.key,
        manifest=manifest,
        live=live,
        reason=reason,
        message=message,
        drift=drift,
        intent=intent,
    )
