"""What happened to an Application: commits, syncs, rollouts, events and logs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from gitops_agent.server.views.base import ApplicationName, Commit, ObjectName, Time, View


class TimelineEntry(View):
    """A sync, a run, or a commit that is not applied."""

    kind: Literal["sync", "rollout", "seen", "rejected", "commit"]
    """A sync or a run that ended, the newest commit while it is not applied, a rejected one, or any other commit."""

    at: Time
    """A sync's start, a run's end, or when the commit was rejected or committed."""

    commit: Commit
    """Which commit."""

    result: str = ""
    """A code from the table of reasons, or the result of a run."""

    message: str = ""
    """For people."""

    plan: str = ""
    """The hash of the plan."""

    duration: str = ""
    """How long it took."""

    lead_time_seconds: float | None = None
    """From the commit until it was live; null for an installation, a rollback, and what was not live yet."""

    outcome: Literal["", "succeeded", "failed", "rolledBack"] = ""
    """What became of a deployment; empty for what is none, or not decided yet."""

    live_at: Time = ""
    """When the commit was Synced and healthy first; empty where it changed nothing."""

    failed_at: Time = ""
    """When the deployment failed: Degraded or refused until an hour after it was live, or undone within 24 hours."""

    failure: str = ""
    """Why it failed, a code from the table of reasons."""

    recovered_at: Time = ""
    """When the application was healthy again after the failure."""

    recovery_seconds: float | None = None
    """From the failure until then; null while it lasts."""

    rework: bool = False
    """Whether it reverts another deployment, or follows a failed one within 24 hours."""

    actor: str = ""
    """Who caused it."""

    approved: str = ""
    """The approved hash, where an approval was needed."""

    approver: str = ""
    """Who approved."""

    rollback: bool = False
    """Whether a person or the agent returned to an earlier commit."""

    rollout: str = ""
    """The RolloutPolicy of a run, as `namespace/name`."""

    version: str = ""
    """The version of a run."""

    applied_with: str = ""
    """The first digits of the later commit that brought it; empty where the status does not remember that."""

    compare: str = ""
    """Where the Git host shows what changed since the entry before; empty when that is unknown."""


class DeliveryFigures(View):
    """The five figures of delivery, computed from the entries shown."""

    days: int = 30
    """How many days they are about at most."""

    since: Time = ""
    """Since when deployments are remembered; not earlier than these days."""

    deployments: int = 0
    """How many commits changed the application."""

    per_day: float = 0.0
    """Deployments a day; of less than a day as if it were one."""

    lead_time_seconds: float | None = None
    """Half of the commits were live sooner after they were made; null where none was."""

    failed: int = 0
    """Deployments that failed."""

    change_fail_rate: float | None = None
    """Their share, 0 to 1; null without a deployment."""

    recovery_seconds: float | None = None
    """Half of the failures were over sooner; null where none is over."""

    rework_rate: float | None = None
    """The share that reverts a deployment or follows a failed one, 0 to 1; null without a deployment."""


class Timeline(View):
    """The history of an Application, newest first."""

    application: ApplicationName
    """Which one."""

    delivery: DeliveryFigures = DeliveryFigures()
    """The figures of the last 30 days."""

    entries: tuple[TimelineEntry, ...] = ()
    """Syncs, runs of rollouts and commits."""

    before: Time = ""
    """The value of `before` for older entries; empty when there are none."""

    skipped: int = 0
    """Commits left out because they did not change this Application."""

    problem: str = ""
    """Why a part could not be read."""


class EventView(View):
    """A Kubernetes Event."""

    at: Time
    """When it was last observed."""

    type: str
    """Normal or Warning."""

    reason: str
    """A code."""

    message: str
    """For people."""

    times: int = 1
    """How often."""

    object: str = ""
    """What it is about."""


class EventList(View):
    """The events of an Application, newest first."""

    application: ApplicationName
    """Which one."""

    events: tuple[EventView, ...] = ()
    """The API server keeps them for an hour."""


class LogLine(View):
    """A line of a container."""

    at: Time = ""
    """When it was written."""

    pod: str
    """By which pod."""

    container: str
    """By which container."""

    text: str
    """The line, without control characters."""


class LogView(View):
    """The last lines of the pods of an object."""

    object: ObjectName
    """A pod or a workload."""

    lines: tuple[LogLine, ...] = ()
    """Oldest first."""

    previous: bool = False
    """Whether they are those of the container before its restart."""

    problem: str = ""
    """Which pods could not be read, and why."""


class RolloutStepView(View):
    """A step of a rollout."""

    number: int
    """Counted from one; zero for the promotion."""

    does: str
    """What it does, in words."""

    is_: Annotated[Literal["done", "now", "paused", "left", "skipped", "ahead"], Field(alias="is")]
    """How far it is."""

    note: str = ""
    """What it waits for."""

    weight: int | None = None
    """Percent of the traffic; null for the promotion and for a preview without traffic."""


class Measurement(View):
    """A value of a metric."""

    at: Time = ""
    """When."""

    verdict: str = ""
    """success, failure, inconclusive or error."""

    value: str = ""
    """What was measured."""

    message: str = ""
    """Why."""


class MetricView(View):
    """A metric of a rollout."""

    name: str
    """Its name."""

    limit: str = ""
    """What a value has to fulfil, as in the policy."""

    dry_run: bool = False
    """Only shown, not judged by."""

    samples: int = 0
    """Measurements so far."""

    succeeded: int = 0
    """Successes."""

    failed: int = 0
    """Failures."""

    inconclusive: int = 0
    """Neither."""

    errors: int = 0
    """Measurements that failed themselves."""

    message: str = ""
    """What there is to say."""

    measurements: tuple[Measurement, ...] = ()
    """The last ten, oldest first."""


class VersionView(View):
    """A version of a workload."""

    hash: str = ""
    """Its name."""

    commit: Commit = Commit()
    """The commit it came with."""


class RunView(View):
    """A run that ended, or a rejected version."""

    version: VersionView
    """Which version."""

    result: str = ""
    """Promoted, RolledBack or Superseded."""

    reason: str = ""
    """Why."""

    at: Time = ""
    """When."""
