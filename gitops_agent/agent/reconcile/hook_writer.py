"""Writes the objects of hooks, each with the id of its run.

A finalizer keeps an object until its outcome is recorded.

What runs to an end is created, never applied over an object of its name: a completed Job that happens to be equal would count
as a run. Every write has the rights of the Application's account, as all its writes.
"""

from __future__ import annotations

from gitops_agent.api.application import Application
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, Conflict, Invalid, NotFound
from gitops_agent.manifest import marks
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import HOOK_FINALIZER, HOOK_RUN
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.hook_runs.outcome import outcome
from gitops_agent.sync.hook_runs.record import RunState
from gitops_agent.sync.hooks.delete_policy import DeletePolicy
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.live.live_object import LiveObject, observe
from gitops_agent.sync.live.live_state import LiveState


class HookInTheWay(AgentError):
    """An object that no application owns has the name of a hook's."""

    reason = "HookFailed"


class HookWriter:
    """Creates, applies, releases and deletes objects of hooks; thread-safe.

    Args:
        objects: writes.
        live: receives every answer.
    """

    def __init__(self, objects: Objects, live: LiveState) -> None:
        self._objects, self._live = objects, live

    def apply(self, application: Application, hook: Hook, run: str, revision: Revision) -> LiveObject | None:
        """Makes the object of a run; None while an unowned one goes.

        Raises:
            HookInTheWay: an unowned object has the name, and may not be deleted.
            AgentError: the API server refused it, or gave no answer.
        """
        body = self._body(application, hook, run, revision)
        if not hook.runs_to_an_end:
            return self._took(self._objects.apply(body, as_user=application.user))
        try:
            return self._took(self._objects.create(body, as_user=application.user))
        except Conflict as error:
            if error.code != "AlreadyExists":
                raise
        self._clear(application, hook)
        return None

    def release(self, application: Application, live: LiveObject) -> None:
        """Takes our finalizer off an object.

        Raises:
            AgentError: the API server refused it, or gave no answer.
        """
        kept = [name for name in live.finalizers if name != HOOK_FINALIZER]
        patch: list[Object] = [
            {"op": "test", "path": "/metadata/uid", "value": live.uid},
            {"op": "test", "path": "/metadata/finalizers", "value": list(live.finalizers)},
            {"op": "replace", "path": "/metadata/finalizers", "value": kept},
        ]
        try:
            answer = self._objects.json_patch(live.key, patch, as_user=application.user)
        except NotFound:
            self._live.remove(live.key, live.uid)
            return
        except Invalid as error:
            raise Conflict(f"the finalizers of {live.key} changed meanwhile", status=409) from error
        if live.deleting and not kept:
            self._live.remove(live.key, live.uid)
        else:
            self._took(answer)

    def delete(self, application: Application, key: ObjectKey, uid: str) -> None:
        """Deletes the object of a run, with what hangs under it.

        Raises:
            AgentError: the API server refused it, or gave no answer.
        """
        try:
            answer = self._objects.delete(key, uid=uid, as_user=application.user)
        except (NotFound, Conflict):
            self._live.remove(key, uid)
            return
        if (answer.get("metadata") or {}).get("uid") == uid and answer.get("kind") != "Status":
            self._took(answer)
        else:
            self._live.remove(key, uid)

    def _took(self, answer: Object) -> LiveObject:
        live = observe(answer)
        self._live.put(live)
        return self._live.get(live.key) or live

    def _body(self, application: Application, hook: Hook, run: str, revision: Revision) -> Object:
        authority, manifest = self._live.authority, hook.manifest
        seal = "" if authority is None else authority.seal(hook.key, application.key, application.uid)
        commit = manifest.commit or revision.commit
        body = marks.marked(manifest.obj, application=application.key, digest=manifest.digest, revision=commit, seal=seal)
        body["metadata"]["annotations"][HOOK_RUN] = run
        if hook.runs_to_an_end:
            finalizers = [*(body["metadata"].get("finalizers") or ()), HOOK_FINALIZER]
            body["metadata"]["finalizers"] = list(dict.fromkeys(finalizers))
        return body

    def _clear(self, application: Application, hook: Hook) -> None:
        """Deletes an unowned object with the name of a hook's.

        Another tool may have run it.

        Raises:
            HookInTheWay: it has not ended, or no policy deletes it.
        """
        try:
            there = self._objects.get(hook.key, as_user=application.user)
        except NotFound:
            return
        live, owner = observe(there), marks.owner(there)
        if owner is not None:
            self._live.put(live)
            return
        if outcome(live.health, runs_to_an_end=True) is RunState.RUNNING and not live.deleting:
            raise HookInTheWay("is there already, has not ended and belongs to no application; delete it, then sync again")
        if hook.keep or DeletePolicy.BEFORE_HOOK_CREATION not in hook.policies:
            raise HookInTheWay("is there already and belongs to no application; delete it, then sync again")
        if not live.deleting:
            self._objects.delete(hook.key, uid=live.uid, as_user=application.user)
