"""The health status: six words in order of severity, with a reason.

The words are the ones people know from Argo CD. The order differs in one place on purpose: what is known to be broken
outranks what cannot be judged, because a list sorted by severity should start with something a person can act on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MESSAGE_LIMIT = 300
"""Characters of a message: it becomes a cell of a table and a line of a status."""


class Status(StrEnum):
    """The verdict; `severity` rises from fine to broken."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    UNKNOWN = "Unknown"
    DEGRADED = "Degraded"

    @property
    def severity(self) -> int:
        """0 for Healthy up to 5 for Degraded."""
        return _SEVERITY[self]

    @property
    def unhealthy(self) -> bool:
        """Whether it counts as unhealthy: neither Healthy nor Suspended."""
        return self not in (Status.HEALTHY, Status.SUSPENDED)


_SEVERITY = {status: severity for severity, status in enumerate(Status)}

UNHEALTHY = frozenset(status.value for status in Status if status.unhealthy)
"""The verdicts that are unhealthy, as reasons of problems."""


@dataclass(frozen=True, slots=True)
class Health:
    """A verdict with its cause.

    Attributes:
        status: the verdict.
        reason: a CamelCase code; the object's own condition reason where it gave one; may be empty when healthy.
        message: one line, at most 300 characters; may be empty when healthy.
    """

    status: Status
    reason: str = ""
    message: str = ""


def worst(healths: Iterable[Health]) -> Health:
    """The most severe of them; Healthy when there are none."""
    return max(healths, key=lambda health: health.status.severity, default=Health(Status.HEALTHY))
