"""Writes one action to the API server: apply, revert, replace, delete.

Every call leaves a state from which the next plan continues. The answer to a write updates the live state at once: what was
just applied is the baseline for detecting drift.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Conflict, Invalid, NotFound
from gitops_agent.manifest.edits import EXCHANGE_MANAGER, FieldEdit
from gitops_agent.manifest.edits import foreign_fields as foreign_fields_of
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import API_SERVICE, CRD
from gitops_agent.manifest.mark_authority import MarkAuthority
from gitops_agent.sync.action import Action
from gitops_agent.sync.apply import foreign_fields, replacement, replica_handoff
from gitops_agent.sync.autoscalers import Autoscaled
from gitops_agent.sync.desired import marked
from gitops_agent.sync.live.live_object import LiveObject, observe
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.planning.plan import Plan

_TRIES = 5
"""For a patch that is outdated whenever a controller writes a status in between."""

_DEFINING = frozenset({CRD, API_SERVICE})
"""Kinds whose objects change which kinds there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A success.

    Attributes:
        changed: the cluster is different for it.
        parked: only its first half is done: the old object is going, the new one cannot be created yet.
    """

    changed: bool = True
    parked: bool = False


class Writer:
    """Writes single actions to the API server; thread-safe.

    Args:
        objects: writes.
        live: receives every answer.
        autoscalers: know the workloads that live autoscalers scale.
    """

    def __init__(
        self,
        objects: Objects,
        live: LiveState,
        *,
        autoscalers: Autoscaled | None = None,
    ) -> None:
        self._objects, self._discovery, self._live, self._autoscalers = objects, objects.discovery, live, autoscalers

    def apply(self, action: Action, plan: Plan, *, as_user: str | None) -> Done:
        """Applies the manifest, and removes undeclared fields the plan names.

        Raises:
            AgentError: the server refused or gave no answer.
        """
        body = body_of(action, plan, self._live.authority)
        autoscaled = frozenset[ObjectKey]() if self._autoscalers is None else self._autoscalers.targets()
        if replica_handoff.leaves_out(action, plan, autoscaled):
            replica_handoff.hold(self._objects, action.key, as_user=as_user)
        live = self._update_live(self._applied(action, body, as_user=as_user), action)
        changed = action.live is None or live.resource_version != action.live.resource_version
        if action.key.group_kind in _DEFINING:
            self._discovery.invalidate(str((body.get("spec") or {}).get("group") or ""))
        if action.undeclared and live.undeclared:
            chosen = frozenset((edit.path, edit.manager) for edit in action.undeclared)
            changed = self._remove_edits(action, live, chosen, as_user=as_user)[1] or changed
        return Done(changed=changed)

    def _applied(self, action: Action, body: Object, *, as_user: str | None) -> Object:
        """Applies; where items that others added forbid it, exchanges them first."""
        try:
            return self._objects.apply(body, as_user=as_user)
        except Invalid:
            if not action.undeclared:
                raise
            fresh = self._objects.get(action.key, as_user=as_user)
            chosen = {(edit.path, edit.manager) for edit in action.undeclared}
            edits = [edit for edit in foreign_fields_of(fresh) if (edit.path, edit.manager) in chosen]
            patch = foreign_fields.exchange_patch(fresh, edits, body)
            if not patch:
                raise
        self._objects.json_patch(action.key, patch, field_manager=EXCHANGE_MANAGER, as_user=as_user)
        answer = self._objects.apply(body, as_user=as_user)
        release = foreign_fields.release_patch(answer, EXCHANGE_MANAGER)
        return self._objects.json_patch(action.key, release, as_user=as_user) if release else answer

    def _remove_edits(
        self, action: Action, live: LiveObject, chosen: frozenset[tuple[str, str]], *, as_user: str | None
    ) -> tuple[LiveObject, bool]:
        """Removes the remaining (path, manager) edits of a plan.

        Returns the object then, and whether any was removed.
        """
        for _ in range(_TRIES):
            edits = [edit for edit in live.undeclared if (edit.path, edit.manager) in chosen]
            if live.raw is None or not edits:
                return live, False
            try:
                patched = self._objects.json_patch(action.key, foreign_fields.removal_patch(live.raw, edits), as_user=as_user)
            except Invalid as error:
                fresh = observe(self._objects.get(action.key, as_user=as_user))
                if fresh.resource_version == live.resource_version:
                    # Not outdated but impossible: a required or protected field is among them.
                    return self._remove_singly(action, live, edits, error, as_user=as_user)
                live = fresh
            else:
                return self._update_live(patched, action), True
        raise Conflict(f"{action.key} changes too fast to remove anything from it", code="Conflict")

    def _remove_singly(
        self, action: Action, live: LiveObject, edits: list[FieldEdit], error: Invalid, *, as_user: str | None
    ) -> tuple[LiveObject, bool]:
        """Removes edits one by one; reports an impossible one once."""
        paths = sorted({edit.path for edit in edits}, key=foreign_fields.order, reverse=True)
        if len(paths) == 1:
            self._live.tolerate(live.uid, edits)
            text = f"what {edits[0].manager} wrote at {edits[0].path} cannot be removed: {error}"
            raise Invalid(text, status=error.status, code=error.code) from error
        refusals = []
        for path in paths:
            chosen = frozenset((edit.path, edit.manager) for edit in edits if edit.path == path)
            try:
                live, _ = self._remove_edits(action, live, chosen, as_user=as_user)
            except Invalid as refusal:
                refusals.append(refusal)
        if refusals:
            raise refusals[0]
        return live, True

    def replace(self, action: Action, plan: Plan, *, as_user: str | None) -> Done:
        """Deletes and recreates an object whose change is refused in place.

        First a dry run proves that the new one is acceptable.

        Raises:
            AgentError: it is not proved, or the server refused or gave no answer.
        """
        refusal = replacement.prove(self._objects, body_of(action, plan, self._live.authority), as_user=as_user)
        if isinstance(refusal, replacement.Unneeded):
            return self.apply(action, plan, as_user=as_user)
        if refusal is not None:
            raise refusal
        self.delete(action, as_user=as_user)
        if self._live.get(action.key) is not None:
            return Done(parked=True)
        return self.apply(action, plan, as_user=as_user)

    def delete(self, action: Action, *, as_user: str | None) -> Done:
        """Asks for the deletion of exactly the object the plan saw.

        Raises:
            AgentError: the server refused or gave no answer.
        """
        if action.live is None:
            return Done(changed=False)
        key, uid = action.key, action.live.uid
        try:
            answer = self._objects.delete(key, uid=uid, as_user=as_user)
        except NotFound:
            self._live.remove(key, uid)
            return Done(changed=False)
        except Conflict:
            return self._contested(action, as_user=as_user)
        if (answer.get("metadata") or {}).get("uid") == uid and answer.get("kind") != "Status":
            self._live.put(observe(answer))
        else:
            self._live.remove(key, uid)
        return Done()

    def _contested(self, action: Action, *, as_user: str | None) -> Done:
        """Resolves a conflict of a deletion.

        Done when another object has the name by now, or when this one is being deleted already.
        """
        uid = action.live.uid if action.live is not None else ""
        try:
            live = observe(self._objects.get(action.key, as_user=as_user))
        except NotFound:
            self._live.remove(action.key, uid)
            return Done(changed=False)
        if live.uid == uid and not live.deleting:
            raise Conflict(f"{action.key} cannot be deleted now", status=409, code="Conflict")
        if live.uid != uid:
            self._live.remove(action.key, uid)
        self._live.put(live)
        return Done(changed=False)

    def _update_live(self, answer: Object, action: Action) -> LiveObject:
        live = observe(answer)
        digest = action.manifest.digest if action.manifest is not None else live.digest or ""
        self._live.applied(live, digest=digest)
        return live


def body_of(action: Action, plan: Plan, authority: MarkAuthority | None = None) -> Object:
    """What is sent for an action."""
    if action.manifest is None:
        raise Invalid(f"{action.key} has nothing to apply", code="NoManifest")
    seal = "" if authority is None else authority.seal(action.key, plan.application, plan.application_uid)
    return marked(action.manifest, application=plan.application, revision=plan.revision, live=action.live, seal=seal)
