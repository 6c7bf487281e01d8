"""What viewers may do: bodies of requests, and the answer.

No action is blind: each names the version of the object that the viewer saw, or the hash of the plan, and is refused with 409
when that is not the present one any more.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from gitops_agent.server.views.base import ApplicationName, View

Version = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[0-9]+$")]
Why = Annotated[str, Field(min_length=1, max_length=256)]
Digits = Annotated[str, Field(min_length=12, max_length=64, pattern=r"^[0-9a-f]+$")]


class SyncBody(View):
    """Fetch and reconcile now."""

    resource_version: Version
    """Of the Application."""


class PauseBody(View):
    """Suspend an Application."""

    resource_version: Version
    """Of the Application."""

    reason: Why
    """Why, shown in the status."""

    for_: Annotated[str, Field(alias="for", max_length=16)] = "1h"
    """How long, such as `2h`; `forever` for no end."""


class ResumeBody(View):
    """Resume a suspended Application."""

    resource_version: Version
    """Of the Application."""


class ApproveBody(View):
    """Approve the plan that waits."""

    plan: Digits
    """Its hash, or at least the first twelve digits."""


class RetryBody(View):
    """Try a rejected commit again."""

    resource_version: Version
    """Of the Application."""


class RollbackBody(View):
    """Pin an Application to an earlier commit, or undo that."""

    resource_version: Version
    """Of the Application."""

    revision: Annotated[str, Field(max_length=64, pattern=r"^[0-9a-f]*$")] = ""
    """A commit of the history, or its first digits; empty for the one before the applied one."""

    undo: bool = False
    """Follow again what was followed before the rollback."""


class RolloutBody(View):
    """Command a rollout."""

    resource_version: Version
    """Of the RolloutPolicy."""

    reason: Annotated[str, Field(max_length=256)] = ""
    """Why, shown in the status."""


class RolloutApproveBody(View):
    """Approve the step that waits."""

    approval: Annotated[str, Field(min_length=3, max_length=128)]
    """What waits, as `hash/step`."""

    reason: Annotated[str, Field(max_length=256)] = ""
    """Why, shown in the status."""


class NotifierTestBody(View):
    """Send a test message: an empty object.

    No state of the Notifier matters.
    """


class Accepted(View):
    """What was written."""

    action: str
    """Which action."""

    object: ApplicationName
    """The Application, RolloutPolicy or Notifier that was written."""

    kind: str
    """Application, RolloutPolicy or Notifier."""

    resource_version: str
    """Its new version."""

    written: dict[str, str] = Field(default_factory=dict)
    """Field or annotation, and its new value."""

    message: str = ""
    """For people."""
