"""Hooks, runs and views for tests of the pure core."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.marks import HOOK_FINALIZER
from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.hook_runs.record import EMPTY, HookRecord, HookRun, Phase
from gitops_agent.sync.hook_runs.sequence import View, run_id
from gitops_agent.sync.hooks.delete_policy import delete_policies
from gitops_agent.sync.hooks.hook import Hook
from gitops_agent.sync.hooks.moment import Moment, always
from gitops_agent.sync.live.live_object import LiveObject
from tests.sync.samples import APP, manifests, thing

NOW = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
TIMEOUT = timedelta(minutes=5)
RUNNING = Health(Status.PROGRESSING, "Running", "1 pod active, 0 failed")
COMPLETE = Health(Status.HEALTHY, "Completed")
FAILED = Health(Status.DEGRADED, "BackoffLimitExceeded", "exited with 3")
SERIES = "series"


def hook(name: str, *moments: Moment, kind: str = "Job", weight: int = 0, version: int = 1, policy: str = "") -> Hook:
    """A hook of some moments, before a sync where none is named."""
    marks = {"gitops-agent.dev/hook-delete-policy": policy} if policy else None
    [manifest] = manifests(thing(kind, name, annotations=marks, spec={"version": version}))
    times = frozenset(time for moment in moments or (Moment.PRE_SYNC,) for time in always(moment))
    policies = delete_policies(manifest.obj, manifest.key.group_kind)
    return Hook(manifest=manifest, times=times, weight=weight, policies=policies)


def made(
    declared_hook: Hook, health: Health = RUNNING, *, moment: Moment = Moment.PRE_SYNC, series: str = SERIES, uid: str = "u1"
) -> LiveObject:
    """The live object of a run."""
    return LiveObject(
        key=declared_hook.key,
        uid=uid,
        owner=APP,
        health=health,
        hook_run=run_id(declared_hook, moment, series),
        finalizers=(HOOK_FINALIZER,) if declared_hook.runs_to_an_end else (),
    )


def run(declared_hook: Hook, moment: Moment = Moment.PRE_SYNC, *, series: str = SERIES, **changes: object) -> HookRun:
    """A recorded run that began at `NOW`."""
    begun = HookRun(key=declared_hook.key, moment=moment, id=run_id(declared_hook, moment, series), uid="u1", started=NOW)
    return replace(begun, **changes)  # type: ignore[arg-type]


def record(*runs: HookRun, phase: Phase = Phase.PRE_SYNC) -> HookRecord:
    """The record of a sync under way."""
    return replace(EMPTY, content="content", inputs="objects", series=SERIES, phase=phase, since=NOW, runs=runs)


def view(
    *live: LiveObject,
    written: HookRecord | None = None,
    now: datetime = NOW,
    blind: Collection[ObjectKey] = (),
    contested: Mapping[ObjectKey, object] | None = None,
) -> View:
    """What is true, with everything that is recorded written."""
    return View(
        application=APP,
        live={live_object.key: live_object for live_object in live},
        written=written or record(),
        now=now,
        timeout=TIMEOUT,
        blind={key.group_kind for key in blind},
        contested=contested or {},  # type: ignore[arg-type]
    )
