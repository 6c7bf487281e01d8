"""What an Application follows a repository as."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitops_agent.api.application import Application
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository
from gitops_agent.source.values import MOST_VALUES

SOURCE, CHART = "source", "chart"
VALUES = tuple(f"values {number}" for number in range(MOST_VALUES))
ROLES = (SOURCE, CHART, *VALUES)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUse:
    """One of the repositories that an Application follows.

    Attributes:
        repository: which one.
        ref: what is followed there.
        seconds: between polls.
        verified: signatures decide which tag is followed.
        application: as it was when it registered this.
    """

    repository: Repository
    ref: Ref
    seconds: float
    verified: bool
    application: Application = field(compare=False)
