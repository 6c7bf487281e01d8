"""An Application that goes: its objects go first, under the same guard, or stay when it says so.

A finalizer keeps the Application until its objects are gone. The deletion is a plan like any other: counted, held when it is
too large, approved by its hash on the Application that waits to be deleted.
"""

from __future__ import annotations

from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.applier import Applier
from gitops_agent.agent.reconcile.outcome import ReconcileOutcome, SyncStatus
from gitops_agent.agent.stores.live_objects import LiveObjectInformer
from gitops_agent.api.application import Application, DeletionPolicy
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Conflict, Invalid, NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import APPLICATION
from gitops_agent.manifest.marks import FINALIZER
from gitops_agent.observe.log import logger
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.live.live_state import LiveState

_log = logger("agent")
_NOTHING = Revision(repository="", ref="", commit="")


class Finalizer:
    """See the module's text.

    Args:
        objects: patches finalizers.
        live: what is left.
        observing: tells when every kind has been listed.
        enacting: deletes.
    """

    def __init__(self, objects: Objects, live: LiveState, observing: LiveObjectInformer, enacting: Applier) -> None:
        self._objects, self._live, self._observing, self._enacting = objects, live, observing, enacting

    def guard(self, application: Application) -> None:
        """Makes sure that an application whose objects are to be pruned cannot go before they do."""
        wanted = application.spec.deletion_policy is DeletionPolicy.PRUNE
        if wanted == (FINALIZER in application.finalizers):
            return
        finalizers = [name for name in application.finalizers if name != FINALIZER]
        self._finalize(application, [*finalizers, FINALIZER] if wanted else finalizers)

    def depart(self, application: Application, memory: ApplicationState) -> ReconcileOutcome | None:
        """One step of the deletion: what is going on, or None once the finalizer is off."""
        if FINALIZER not in application.finalizers:
            return None
        key = application.key
        orphan = application.spec.deletion_policy is DeletionPolicy.ORPHAN
        if not orphan and not self._observing.complete(key):
            return ReconcileOutcome(
                waiting="every kind to be listed, before anything is deleted", sync=SyncStatus.OUT_OF_SYNC, revision=_NOTHING
            )
        left = self._live.of(key)
        if orphan or not left:
            self._finalize(application, [name for name in application.finalizers if name != FINALIZER])
            _log.info("application departed", orphaned=len(left) if orphan else 0)
            return None
        desired = Desired(application=key, revision=_NOTHING, manifests=())
        enacted = self._enacting.enact(application, desired, memory, deleting=True)
        remaining = self._live.of(key)
        if memory.plan is not None and memory.plan.is_empty and enacted.error is None and not enacted.held:
            # What is left asks to be kept, or the mode is observe: nobody will ever delete it on this Application's behalf.
            self._finalize(application, [name for name in application.finalizers if name != FINALIZER])
            _log.info("application departed", kept=len(remaining))
            return None
        blocked = sorted(
            f"{one.key} ({', '.join(one.finalizers)})" for one in remaining.values() if one.deleting and one.finalizers
        )
        waiting = enacted.waiting or f"{len(remaining)} objects to be gone"
        if blocked and not enacted.held:
            waiting = f"{len(remaining)} objects to be gone; finalizers of {blocked[0]}" + (
                f" and {len(blocked) - 1} more" if len(blocked) > 1 else ""
            )
        return ReconcileOutcome(
            revision=_NOTHING,
            applied=memory.applied,
            plan=memory.plan.hash if memory.plan else "",
            sync=SyncStatus.OUT_OF_SYNC,
            error=enacted.error,
            held=enacted.held,
            waiting="" if enacted.held else waiting,
            problems=enacted.problems,
            total=len(remaining),
            actor="deletion",
        )

    def _finalize(self, application: Application, finalizers: list[str]) -> None:
        """Sets the finalizers of this very Application.

        Raises:
            Conflict: somebody else set others meanwhile; the next reconcile knows them.
        """
        key = APPLICATION.named(application.key.namespace, application.key.name)
        # Not the resource version: the status we wrote a moment ago changed that, and nobody would come back for it.
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
