"""The stage of hooks: a pass in each reconcile, and the cleanup.

Three times in a reconcile the pass is asked. Before the rollouts, whether a run may start. After the plan and its dry run, what
may be applied: nothing of new content before its pre-sync hooks have succeeded. After health is known, whether post-sync
hooks have their turn. All that is remembered is the record in the status; the objects of hooks are outside of plan, drift and
pruning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

from gitops_agent.agent.desired.declared_state import DeclaredState
from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.hook_deletion import HookDeletion
from gitops_agent.agent.reconcile.hook_pass import HookPass, HookTools, whole_seconds
from gitops_agent.agent.reconcile.hook_writer import HookWriter
from gitops_agent.agent.reconcile.outcome import Requeue
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.manifest.marks import FOLLOWED, HOOK_FINALIZER, REQUESTED, TAKEN_OVER
from gitops_agent.observe.log import logger
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.health.explainer import Explainer
from gitops_agent.sync.hook_runs.cleanup import cleanups
from gitops_agent.sync.hook_runs.record import EMPTY, HookRecord
from gitops_agent.sync.hook_runs.sync_phase import concerns, inputs_of
from gitops_agent.sync.hooks.moment import Operation, operation_of

_log = logger("agent")
NO_REVISION = Revision(repository="", ref="", commit="")


class HookStage:
    """Runs the hooks of applications.

    Args:
        objects: writes the objects of hooks.
        stores: the live objects.
        explainer: says why a hook failed.
    """

    def __init__(self, objects: Objects, stores: Stores, explainer: Explainer) -> None:
        self._live, self._writer = stores.live, HookWriter(objects, stores.live)
        self._tools = HookTools(writer=self._writer, live=stores.live, explainer=explainer)

    def open(self, application: Application, declared: DeclaredState, state: ApplicationState) -> HookPass | None:
        """The pass of a reconcile; None without hooks or a declared state."""
        desired = declared.desired
        if desired is None:
            return None
        operation = _operation(application, state)
        inputs = inputs_of(desired.content, desired.hooks, operation, application.annotations.get(REQUESTED, ""))
        if not concerns(state.hooks, inputs):
            state.hook_inputs = None
            return None
        state.hook_inputs = inputs
        return HookPass(
            tools=self._tools,
            application=application,
            inputs=inputs,
            revision=desired.revision,
            contested=desired.contested,
            record=state.hooks,
            written=written(state),
            now=whole_seconds(datetime.now(UTC)),
            synced=state.applied in ("", desired.revision.commit),
        )

    def departing(self, application: Application, state: ApplicationState) -> HookDeletion | None:
        """The hooks of a step of a deletion; None without any."""
        inputs = state.hook_inputs
        if inputs is None or (not inputs.hooks and state.hooks == EMPTY):
            return None
        return HookDeletion(
            hooks=HookPass(
                tools=self._tools,
                application=application,
                inputs=replace(inputs, request=application.annotations.get(REQUESTED, "")),
                revision=state.desired.revision if state.desired else NO_REVISION,
                contested={},
                record=state.hooks,
                written=written(state),
                now=whole_seconds(datetime.now(UTC)),
                synced=False,
            )
        )

    def release(self, application: Application) -> None:
        """Takes our finalizer off the objects of all hooks.

        Raises:
            AgentError: the API server refused it, or gave no answer.
        """
        for live in self._live.of(application.key).values():
            if HOOK_FINALIZER in live.finalizers:
                self._writer.release(application, live)

    def clean(self, application: Application, state: ApplicationState, before: HookRecord) -> Iterator[Requeue]:
        """Follows delete policies once outcomes are in the status.

        Yields when to look again.

        Args:
            application: whose.
            state: of the application, its status written.
            before: the record that was in the status before.
        """
        after, inputs = written(state), state.hook_inputs
        if after == EMPTY and before == EMPTY:
            return
        for cleanup in cleanups(after, inputs.hooks if inputs else (), self._live.of(application.key), application.key):
            try:
                if cleanup.release:
                    self._writer.release(application, cleanup.live)
                if cleanup.delete:
                    self._writer.delete(application, cleanup.live.key, cleanup.live.uid)
            except AgentError as error:
                _log.warning("an object of a hook was not cleaned up", object=str(cleanup.live.key), error=error)
                if error.transient:
                    yield Requeue(reason="a hook is cleaned up again", backoff=True)
        if after != before:
            yield Requeue(reason="the record of its hooks is written", priority=Priority.COMMIT)


def written(state: ApplicationState) -> HookRecord:
    """The record of hooks as it stands in the cluster."""
    return HookRecord.from_json((state.status.written or {}).get("hooks"))


def _operation(application: Application, state: ApplicationState) -> Operation:
    """What a sync would do that begins now."""
    return operation_of(
        synced=bool(state.last_applied),
        returns=FOLLOWED in application.annotations or state.rollback.replacement is not None,
        taken_over=TAKEN_OVER in application.annotations,
    )
