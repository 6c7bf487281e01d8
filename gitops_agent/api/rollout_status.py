"""Status of a RolloutPolicy: its progress, and the controller's own state."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gitops_agent.api.model import Model
from gitops_agent.api.status import Conditions, Moment


class VersionStatus(Model):
    """A version of the workload."""

    revision: str = ""
    """The commit it was seen in."""

    hash: str = ""
    """The name of the version: over its pod template and configuration, as Git has them."""


class MeasurementStatus(Model):
    """One measurement."""

    at: Moment = ""
    """When it ended."""

    verdict: str = ""
    """success, failure, inconclusive or error."""

    value: str = ""
    """What was measured, in short."""

    message: str = ""
    """Why, where the verdict does not say it all."""


class MetricStatus(Model):
    """What one metric has said in this run."""

    metric: str = ""
    """Its name."""

    dry_run: bool = False
    """Only shown, not judged by."""

    samples: int = 0
    """Measurements in this Hold, errors left out."""

    succeeded: int = 0
    """Successes."""

    failed: int = 0
    """Failures."""

    inconclusive: int = 0
    """Inconclusive answers since the run was last resumed."""

    errors: int = 0
    """Measurements that failed themselves."""

    message: str = ""
    """What is to be known."""

    measurements: tuple[MeasurementStatus, ...] = ()
    """The last ten, oldest first."""


class RunStatus(Model):
    """A run that ended, or a version that is not tried again."""

    revision: str = ""
    """The commit."""

    hash: str = ""
    """The version."""

    result: str = ""
    """Promoted, RolledBack or Superseded."""

    reason: str = ""
    """Why."""

    at: Moment = ""
    """When."""


class RolloutPolicyStatus(Model):
    """The observed state of a rollout; never changes with the clock alone."""

    observed_generation: int = 0
    """The generation of the spec that was followed last."""

    conditions: Conditions = ()
    """Ready: True at rest, Unknown while a rollout is in progress, False after a rollback."""

    phase: str = ""
    """Idle, Pending, Provision, Step, Paused, Promote, Finalize, Abort, Superseded or Held."""

    stage: str = ""
    """Where within the phase."""

    strategy: str = ""
    """canary, blueGreen or rolling."""

    step: int = 0
    """Counted from zero: the step under way, or the last one."""

    steps: int = 0
    """How many there are."""

    weight: int = 0
    """Percent of the traffic that is to go to the new version."""

    actual_weight: int = 0
    """Percent of the traffic that this comes to: behind a plain Service the numbers of pods are the share."""

    verified: bool = False
    """Whether that share was seen in force."""

    message: str = ""
    """Where the rollout stands, in one line."""

    notes: tuple[str, ...] = ()
    """What else is to be known, though nothing is wrong."""

    held: tuple[str, ...] = ()
    """What differs from the newest commit because a version is not promoted, and why, as `object: reason`."""

    approval: str = ""
    """The approval that is waited for, as `hash/step`."""

    until: Moment = ""
    """When the present wait is over."""

    stable: VersionStatus = VersionStatus()
    """The version that is known to be good."""

    target: VersionStatus = VersionStatus()
    """The version under way, or the one that was rolled back last."""

    analysis: tuple[MetricStatus, ...] = ()
    """What was measured in this run."""

    history: tuple[RunStatus, ...] = ()
    """The last ten runs, newest first."""

    rejected: tuple[RunStatus, ...] = ()
    """Versions that were rejected; they are tried again only on `rollout retry`."""

    state: dict[str, Any] = Field(default_factory=dict)
    """What the agent goes on from; it is read exactly, and not meant to be edited."""
