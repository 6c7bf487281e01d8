"""Base of every status model: schemas of the CRDs and reference pages.

The agent writes a status as a plain object. These models carry no bounds beyond those Kubernetes itself sets, because a status
that the API server refuses is never read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, WithJsonSchema

from gitops_agent.api.model import Model

Moment = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""RFC 3339, UTC."""


class Condition(Model):
    """As `metav1.Condition`."""

    type: Annotated[str, Field(max_length=316)]
    """Ready, Synced, Healthy, Held, Reconciling or Stalled."""

    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""

    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """A code from the table of reasons."""

    message: Annotated[str, Field(max_length=32768)]
    """For people."""

    observed_generation: Annotated[int, Field(ge=0)] = 0
    """The generation of the spec this speaks about."""

    last_transition_time: Moment
    """When the status last changed."""


Conditions = Annotated[
    tuple[Condition, ...],
    Field(json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
]


def seconds_between(start: object, end: object) -> float | None:
    """Seconds between two moments of a status, at least 0.

    None where one is unknown.
    """
    try:
        return max(0.0, (datetime.fromisoformat(str(end)) - datetime.fromisoformat(str(start))).total_seconds())
    except (ValueError, TypeError):
        return None
