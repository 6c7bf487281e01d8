"""Dependency graph, and the gate that reports what is ready."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.kinds import GROUP

BARRIER_GROUP = f"barrier.{GROUP}"
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
    """`before` must have come as far as `until`.

    Attributes:
        before: an object, or a barrier.
        until: how far.
        why: reads on after "waits for …: ".
        rule: the name of the rule in `rules.RULES`.
    """

    before: ObjectKey
    until: Until
    why: str
    rule: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What each object waits for.

    Where many wait for many (waves, deletions after applies) both sides meet at a barrier, a node that stands for no object:
    it is met, with whatever `until` an edge to it names, as soon as all of its own edges are. `Gate` looks through barriers.
    """

    edges: Mapping[ObjectKey, tuple[Edge, ...]] = field(default_factory=dict)

    def before(self, key: ObjectKey) -> tuple[Edge, ...]:
        """What an object, or a barrier, waits for directly."""
        return self.edges.get(key, ())


class Gate:
    """Reports what an object still waits for, seeing through barriers.

    An edge that was met stays met: each is checked until it holds once, so that checking every object again costs
    little more than the size of the graph. Make a new gate when the cluster is read anew.

    Args:
        graph: who waits for whom.
        met: whether an object has come as far as asked for. An object of the plan whose action is still to be done has not,
            however healthy it is as it stands.
    """

    def __init__(self, graph: Graph, met: Callable[[ObjectKey, Until], bool]) -> None:
        self._graph = graph
        self._met = met
        self._passed: dict[ObjectKey, int] = {}

    def blocked(self, key: ObjectKey) -> Edge | None:
        """The first unmet edge of an object; None when it is ready.

        It names an object and never a barrier.
        """
        path = [key]
        while path:
            node = path[-1]
            edges = self._graph.before(node)
            passed = self._passed.get(node, 0)
            if passed == len(edges):
                path.pop()
                if path:
                    self._passed[path[-1]] = self._passed.get(path[-1], 0) + 1
                continue
            edge = edges[passed]
            if is_barrier(edge.before):
                path.append(edge.before)
            elif self._met(edge.before, edge.until):
                self._passed[node] = passed + 1
            else:
                outer = self._graph.before(key)[self._passed.get(key, 0)]
                return Edge(edge.before, edge.until, outer.why, outer.rule)
        return None


def barrier(name: str) -> ObjectKey:
    """A node that stands for no object."""
    return ObjectKey(BARRIER_GROUP, "Barrier", "", name)


def is_barrier(key: ObjectKey) -> bool:
    """Whether a node stands for no object."""
    return key.group == BARRIER_GROUP


def label(key: ObjectKey) -> str:
    """A node as people read it."""
    return key.name if is_barrier(key) else str(key)
