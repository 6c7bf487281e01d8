"""Deletes an Application, its objects first unless its policy keeps them.

A finalizer keeps the Application until its objects are gone. The deletion is a plan like any other: counted, held when it is
too large, approved by its hash on the Application that waits to be deleted. An Application that goes because the agent is being
uninstalled leaves its objects where they are.
"""

from __future__ import annotations

from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.applier import Applier
from gitops_agent.agent.reconcile.hook_deletion import HookDeletion
from gitops_agent.agent.reconcile.hook_stage import HookStage
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome, Requeue, SyncStatus
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.api.application import Application, DeletionPolicy
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, Conflict, Invalid, NotFound
from gitops_agent.install.teardown import terminating
from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import FINALIZER
from gitops_agent.observe.log import logger
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.health.delivery import HELD
from gitops_agent.sync.planning.unlistable_objects import unlistable

_log = logger("agent")
_NOTHING = Revision(repository="", ref="", commit="")
_SHOWN = 10
_RETRY = Requeue(reason="retry after an error", backoff=True)


class Finalizer:
    """Holds Applications with a finalizer until their objects are gone.

    Args:
        objects: patches finalizers.
        stores: the live objects, and whether every kind has been listed.
        applier: deletes.
        hooks: run before and after that.
    """

    def __init__(self, objects: Objects, stores: Stores, applier: Applier, hooks: HookStage) -> None:
        self._hooks = hooks
        self._objects, self._live, self._informer, self._applier = objects, stores.live, stores.informer, applier

    def guard(self, application: Application) -> None:
        """Adds or removes the finalizer, as the deletion policy says."""
        guarded = application.spec.deletion_policy is DeletionPolicy.PRUNE
        if guarded == (FINALIZER in application.finalizers):
            return
        finalizers = [name for name in application.finalizers if name != FINALIZER]
        self._finalize(application, [*finalizers, FINALIZER] if guarded else finalizers)

    def depart(self, application: Application, state: ApplicationState) -> ReconcileOutcome | None:
        """Makes one step of the deletion; None once the finalizer is removed."""
        if FINALIZER not in application.finalizers:
            return None
        key = application.key
        try:
            orphan = self._orphans(application)
        except AgentError as error:
            return ReconcileOutcome(
                revision=_NOTHING, applied=state.applied, sync=SyncStatus.OUT_OF_SYNC, error=error, requeue=(_RETRY,)
            )
        # Also kinds that the sweep may not list: their watch wakes this Application when it may again.
        run = {hook.key.group_kind for hook in state.hook_inputs.hooks} if state.hook_inputs else set[GroupKind]()
        self._informer.ensure(state.plans.recorded.keys() | run, key)
        if not orphan and not self._informer.complete(key):
            return ReconcileOutcome(
                waiting="every kind to be listed, before anything is deleted", sync=SyncStatus.OUT_OF_SYNC, revision=_NOTHING
            )
        authority = self._live.authority
        if not orphan and authority is not None and not authority.ready and self._live.names(key):
            waiting = f"the key that verifies marks, before anything is deleted: {authority.problem}"
            return ReconcileOutcome(waiting=waiting, sync=SyncStatus.OUT_OF_SYNC, revision=_NOTHING)
        left = self._live.of(key)
        beyond = unlistable(state.plans.recorded, self._live.cannot_see, left)
        if beyond and not left and not orphan:
            kinds = ", ".join(map(str, beyond))
            waiting = f"{sum(beyond.values())} objects of kinds that cannot be listed ({kinds})"
            return ReconcileOutcome(waiting=waiting, sync=SyncStatus.OUT_OF_SYNC, revision=_NOTHING, actor="deletion")
        hooks = None if orphan else self._hooks.departing(application, state)
        if orphan or (not left and _over(hooks)):
            self._hooks.release(application)
            self._release(application)
            _log.info("application departed", orphaned=len(left) if orphan else 0)
            return None
        desired = Desired(application=key, revision=_NOTHING, manifests=())
        applied = self._applier.apply(application, desired, state.plans, deleting=True, hooks=hooks)
        remaining = self._live.of(key)
        if (
            not beyond
            and state.plans.plan is not None
            and state.plans.plan.is_empty
            and applied.error is None
            and not applied.held
            and _over(hooks)
        ):
            # The objects that are left are to be kept, or the mode is observe: it will never be deleted for this Application.
            self._release(application)
            _log.info("application departed", kept=len(remaining))
            return None
        blocked = sorted(
            f"{live.key} ({', '.join(live.finalizers)})" for live in remaining.values() if live.deleting and live.finalizers
        )
        number = f"{len(remaining)} object{'' if len(remaining) == 1 else 's'}"
        waiting = applied.waiting or f"{number} to be gone"
        if blocked and not applied.held:
            waiting = f"{number} to be gone; finalizers of {blocked[0]}" + (
                f" and {len(blocked) - 1} more" if len(blocked) > 1 else ""
            )
        held = sorted(live.key.name for live in remaining.values() if live.deleting and live.health.reason == HELD)
        if held and not applied.held:
            shown = ", ".join(held[:_SHOWN]) + (f" and {len(held) - _SHOWN} more" if len(held) > _SHOWN else "")
            waits = "waits" if len(held) == 1 else "wait"
            waiting = f"{number} to be gone; {len(held)} of them {waits} for approval: {shown}"
        around = hooks.hooks if hooks is not None else None
        if around is not None:
            state.hooks, waiting = around.record, around.waiting or waiting
        return ReconcileOutcome(
            revision=_NOTHING,
            applied=state.applied,
            hooks=state.hooks.to_json(),
            plan=state.plans.plan.hash if state.plans.plan else "",
            sync=SyncStatus.OUT_OF_SYNC,
            error=applied.error,
            held=applied.held,
            waiting="" if applied.held else waiting,
            problems=(*(around.problems if around is not None else ()), *applied.problems),
            total=len(remaining),
            actor="deletion",
            requeue=(*(around.requeues if around is not None else ()), *applied.requeue),
        )

    def _orphans(self, application: Application) -> bool:
        """Whether the objects stay: by policy, or while the agent is uninstalled.

        Raises:
            AgentError: whether the agent is being uninstalled cannot be seen.
        """
        if application.spec.deletion_policy is DeletionPolicy.ORPHAN:
            return True
        uninstalled = terminating(self._objects, application.key.namespace)
        if uninstalled is not None:
            _log.warning("the agent is being uninstalled: objects are kept", terminating=str(uninstalled))
        return uninstalled is not None

    def _release(self, application: Application) -> None:
        """Removes our finalizer; the log names what damaged marks leave behind."""
        self._finalize(application, [name for name in application.finalizers if name != FINALIZER])
        damaged = self._live.damaged(application.key)
        if damaged:
            shown = [str(key) for key in damaged[:_SHOWN]]
            _log.warning("objects stay, because their marks are damaged", count=len(damaged), objects=shown)

    def _finalize(self, application: Application, finalizers: list[str]) -> None:
        """Sets the finalizers of this very Application.

        Raises:
            Conflict: they were changed meanwhile; the next reconcile knows the new ones.
        """
        key = APPLICATION.named(application.key.namespace, application.key.name)
        # Not the resource version: the status we wrote a moment ago changed that, and nothing would retry.
        patch: list[Object] = [
            {"op": "test", "path": "/metadata/uid", "value": application.uid},
            {"op": "test", "path": "/metadata/finalizers", "value": list(application.finalizers) or None},
            {"op": "add", "path": "/metadata/finalizers", "value": finalizers},
        ]
        try:
            self._objects.json_patch(key, patch)
        except NotFound:
            return
        except Invalid as error:
            raise Conflict(f"the finalizers of Application {application.key} changed meanwhile", status=409) from error


def _over(hooks: HookDeletion | None) -> bool:
    """Whether no hook of the deletion is left to run."""
    return hooks is None or hooks.over()
