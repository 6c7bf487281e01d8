"""What is to be done, as values: each is idempotent, and each brings the cluster nearer to D(t) of the state just persisted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from gitops_agent.rollout.state import Adoption, RolloutState, Share, Version


@dataclass(frozen=True, slots=True)
class Persist:
    """Write the state, by compare-and-swap. Always the first; when it fails nothing else of the list may be done."""

    state: RolloutState


@dataclass(frozen=True, slots=True)
class Adopt:
    """Label the pods of the workload, or let the Service select by the label."""

    stage: Adoption


@dataclass(frozen=True, slots=True)
class ApplyAdded:
    """Apply what is new in a version, and what asks to be applied before the rollout."""

    version: Version


@dataclass(frozen=True, slots=True)
class ApplyCanary:
    """Apply copied configuration, then the canary's Service, then the second Deployment with this many replicas."""

    version: Version
    replicas: int


@dataclass(frozen=True, slots=True)
class ApplyBaseline:
    """Apply the third Deployment, with the stable version and this many replicas; none at all deletes it."""

    version: Version
    replicas: int


@dataclass(frozen=True, slots=True)
class ScalePrimary:
    """Give the workload itself this many replicas."""

    replicas: int


@dataclass(frozen=True, slots=True)
class Route:
    """Apply the routes with this share laid over."""

    share: Share


@dataclass(frozen=True, slots=True)
class Verify:
    """Read the live routes and judge whether this share is in force."""

    share: Share


@dataclass(frozen=True, slots=True)
class Measure:
    """Keep measuring these metrics of a version."""

    metrics: tuple[str, ...]
    version: Version


@dataclass(frozen=True, slots=True)
class ApplyPrimary:
    """Apply the workload as a version has it."""

    version: Version


@dataclass(frozen=True, slots=True)
class ApplyRest:
    """Apply, and prune, everything else as a version has it."""

    version: Version


@dataclass(frozen=True, slots=True)
class DeleteService:
    """Delete the canary's Service."""


@dataclass(frozen=True, slots=True)
class DeleteCanary:
    """Delete the second Deployments, then what was copied for them."""


@dataclass(frozen=True, slots=True)
class Wake:
    """Step again at this time, though nothing else happens."""

    at: datetime


Action: TypeAlias = (
    Persist
    | Adopt
    | ApplyAdded
    | ApplyCanary
    | ApplyBaseline
    | ScalePrimary
    | Route
    | Verify
    | Measure
    | ApplyPrimary
    | ApplyRest
    | DeleteService
    | DeleteCanary
    | Wake
)
