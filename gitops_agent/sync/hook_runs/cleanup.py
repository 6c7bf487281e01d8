"""Finalizers and delete policies of runs that ended.

Nothing is taken off or deleted before the outcome stands in the status of the Application. Policies are followed when the
sequence of their moment is over, as Helm does it: the ServiceAccount of a migration must outlive the migration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.manifest.marks import HOOK_FINALIZER
from gitops_agent.sync.hook_runs.record import HookRecord, HookRun, RunState
from gitops_agent.sync.hook_runs.sequence import run_id
from gitops_agent.sync.hooks.delete_policy import DeletePolicy
from gitops_agent.sync.hooks.hook import Hook, hooks_of
from gitops_agent.sync.hooks.moment import Moment
from gitops_agent.sync.live.live_object import LiveObject

_POLICY = {RunState.SUCCEEDED: DeletePolicy.HOOK_SUCCEEDED, RunState.FAILED: DeletePolicy.HOOK_FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleanup:
    """What to do with one object.

    Attributes:
        live: the object.
        release: take our finalizer off.
        delete: delete it.
    """

    live: LiveObject
    release: bool
    delete: bool


def cleanups(
    written: HookRecord, hooks: Iterable[Hook], live: Mapping[ObjectKey, LiveObject], application: AppKey
) -> tuple[Cleanup, ...]:
    """The objects to clean up.

    Args:
        written: the record as it stands in the cluster.
        hooks: the declared hooks.
        live: the live objects.
        application: whose.
    """
    declared = {hook.key: hook for hook in hooks}
    expected = {run_id(hook, moment, written.series) for hook in declared.values() for moment in hook.moments}
    recorded = {run.id: run for run in written.runs}
    result = []
    for key, obj in sorted(live.items()):
        if obj.owner != application or not obj.hook_run:
            continue
        run = recorded.get(obj.hook_run)
        if run is None and obj.hook_run in expected:
            continue  # made, and not recorded yet
        if run is not None and run.running and run.uid == obj.uid:
            continue
        release = HOOK_FINALIZER in obj.finalizers
        delete = run is not None and not obj.deleting and _deletes(run, declared.get(key), written, declared.values())
        if release or delete:
            result.append(Cleanup(live=obj, release=release, delete=delete))
    return tuple(result)


def _deletes(run: HookRun, hook: Hook | None, written: HookRecord, hooks: Iterable[Hook]) -> bool:
    """Whether the policy of a hook deletes the object of its run."""
    if hook is None or hook.keep or _POLICY.get(run.state) not in hook.policies:
        return False
    return run.state is RunState.FAILED or _over(run.moment, written, hooks)


def _over(moment: Moment, written: HookRecord, hooks: Iterable[Hook]) -> bool:
    """Whether all hooks of a moment have ended, or one failed."""
    ended = 0
    chosen = hooks_of(hooks, written.operation, moment)
    for hook in chosen:
        run = written.run(hook.key, moment)
        if run is not None and run.id == run_id(hook, moment, written.series) and not run.running:
            if run.state is RunState.FAILED:
                return True
            ended += 1
    return ended == len(chosen)
