"""Which object comes before which, as an inferred graph instead of a list of kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gitops_agent.manifest.key import ObjectKey

BARRIER_GROUP = "barrier.gitops-agent.dev"
"""API group of the graph's own nodes, which stand for no object."""


class Until(StrEnum):
    """What must be true of the earlier object."""

    APPLIED = "applied"
    ESTABLISHED = "established"
    ACTIVE = "active"
    HEALTHY = "healthy"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Edge:
    """`before` must have come as far as `until`; `why` reads on after "waits for …"."""

    before: ObjectKey
    until: Until
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What each object waits for.

    Where many wait for many (waves, deletions after applies) both sides meet at a barrier, a node that stands for no object:
    it is met, with whatever `until` an edge to it names, as soon as all of its own edges are.
    """

    edges: Mapping[ObjectKey, tuple[Edge, ...]] = field(default_factory=dict)

    def before(self, key: ObjectKey) -> tuple[Edge, ...]:
        """What an object, or a barrier, waits for directly."""
        return self.edges.get(key, ())


def is_barrier(key: ObjectKey) -> bool:
    """Whether a node stands for no object."""
    return key.group == BARRIER_GROUP
