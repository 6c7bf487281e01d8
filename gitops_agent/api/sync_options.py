"""When and how objects are brought to the cluster."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from gitops_agent.api.cron import parse_cron
from gitops_agent.api.durations import Duration, WindowDuration
from gitops_agent.api.model import Model, Rule
from gitops_agent.api.texts import KindName, Line, ManagerName, Name, Pointer, Shape

PROTECTED_KINDS = ("Namespace", "CustomResourceDefinition", "PersistentVolume", "PersistentVolumeClaim")
"""Kinds whose deletion takes data or other people's objects along."""


class SyncMode(StrEnum):
    """How far the agent goes by itself."""

    AUTO = "auto"
    MANUAL = "manual"
    OBSERVE = "observe"


class ErrorPolicy(StrEnum):
    """What an invalid object means for the others of its revision."""

    ATOMIC = "atomic"
    ISOLATE = "isolate"


class WindowAction(StrEnum):
    """What a window does."""

    ALLOW = "allow"
    DENY = "deny"


class DeletionGuard(Model):
    """Limits what a plan may delete without approval.

    A plan that exceeds the larger budget, or deletes a protected kind, waits for approval.
    """

    max_objects: Annotated[int, Field(ge=0, le=100_000)] = 5
    """Objects a plan may delete."""

    max_percent: Annotated[int, Field(ge=0, le=100)] = 10
    """Percent of the application's objects a plan may delete."""

    protected_kinds: Annotated[tuple[KindName, ...], Field(max_length=64)] = PROTECTED_KINDS
    """Kinds of which a plan may delete none."""


class Rollback(Model):
    """What happens to a revision that does not become healthy."""

    on_degraded: bool = False
    """Apply the last healthy commit again when objects of a new one become Degraded, and do not try that one again.

    Workloads with a RolloutPolicy are rolled back by their rollout.
    """

    group: Name | None = None
    """Applications of the namespace with the same group are rolled back together, when a commit is rejected for one of them."""


class IgnoreFields(Model):
    """Fields managed by others: never applied, never counted as drift."""

    kind: KindName
    """The kind, with its group where ambiguous: `Deployment` or `apps/Deployment`."""

    name: Annotated[str, Shape(pattern=r"[^\s/]+", message="is not a name or *", longest=253)] = "*"
    """The object's name; `*` stands for any text."""

    paths: Annotated[tuple[Pointer, ...], Field(max_length=64)] = ()
    """JSON pointers such as `/spec/replicas`; `*` is any step, `[name=web]` the items of a list with this value."""

    managers: Annotated[tuple[ManagerName, ...], Field(max_length=64)] = ()
    """Field managers of `metadata.managedFields`, such as `vpa-*`: the fields they own in the live object are left to them."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(has(self.paths) && size(self.paths) > 0) || (has(self.managers) && size(self.managers) > 0)",
            holds=lambda fields: bool(fields.paths or fields.managers),
            message="needs paths or managers",
        ),
    )


class Window(Model):
    """A recurring time in which changes are allowed or denied."""

    schedule: Annotated[
        str,
        Shape(
            pattern=r"[0-9A-Za-z*/,?-]+( +[0-9A-Za-z*/,?-]+){4}",
            message="is not a cron schedule of five fields",
            longest=128,
        ),
        AfterValidator(lambda value: _checked(parse_cron, value)),
    ]
    """When it opens: a cron schedule of five fields."""

    duration: WindowDuration
    """How long it stays open."""

    timezone: Annotated[
        str,
        Shape(pattern=r"[A-Za-z][A-Za-z0-9_+/-]*", message="is not a time zone such as Europe/Berlin", longest=64),
        AfterValidator(lambda value: _checked(_zone, value)),
    ] = "UTC"
    """The time zone of the schedule."""

    action: WindowAction = WindowAction.DENY
    """`allow`: changes are made in windows of this kind only; `deny`: none is made while it is open, whatever is allowed."""

    manual_sync: bool = False
    """Whether `gitops-agent sync` applies changes although this window is closed to them."""

    reason: Line = ""
    """The reason, shown where something waits."""


def _zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValueError("is not a time zone such as Europe/Berlin") from error


def _checked(check: Callable[[str], object], value: str) -> str:
    try:
        check(value)
    except ValueError as error:
        raise PydanticCustomError("window", "{text}", {"text": str(error)}) from error
    return value


class SyncSpec(Model):
    """When and how objects are brought to the cluster."""

    interval: Duration = timedelta(seconds=30)
    """The interval of polling the repository; `gitops-agent sync` polls at once."""

    mode: SyncMode = SyncMode.AUTO
    """`auto`, `manual` (plan, then wait for the plan's approval) or `observe` (report, change nothing)."""

    prune: bool = True
    """Delete objects that are no longer declared."""

    self_heal: bool = True
    """Repair drift."""

    error_policy: ErrorPolicy = ErrorPolicy.ATOMIC
    """`atomic`: nothing of a revision with an invalid object is applied; `isolate`: the rest is."""

    deletion_guard: DeletionGuard = DeletionGuard()
    """How much may be deleted without approval."""

    timeout: Duration = timedelta(minutes=5)
    """How long objects may take to become healthy before the application is Degraded."""

    rollback: Rollback = Rollback()
    """What happens to a revision that does not become healthy."""

    ignore_fields: Annotated[tuple[IgnoreFields, ...], Field(max_length=64)] = ()
    """Fields managed by others."""

    windows: Annotated[tuple[Window, ...], Field(max_length=32)] = ()
    """When changes are allowed or denied. What waits names the time at which its window opens."""
