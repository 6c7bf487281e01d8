from __future__ import annotations

from itertools import pairwise

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.ordering.graph import Edge, Gate, Graph, Until, barrier, is_barrier, label
from tests.sync.samples import key

A, B, C = (key("ConfigMap", name) for name in "abc")


def test_an_object_is_blocked_by_the_first_edge_that_is_not_met() -> None:
    graph = Graph(edges={A: (Edge(B, Until.APPLIED, "why"), Edge(C, Until.HEALTHY, "why"))})
    gate = Gate(graph, lambda key, _: key == B)
    assert gate.blocked(A) == Edge(C, Until.HEALTHY, "why")
    assert gate.blocked(B) is None


def test_barriers_are_looked_through_and_never_named() -> None:
    node, lower = barrier("wave 2"), barrier("wave 1")
    edges = {
        A: (Edge(node, Until.HEALTHY, "outer", "wave"),),
        node: (Edge(lower, Until.HEALTHY, "inner"),),
        lower: (Edge(B, Until.HEALTHY, "inner"),),
    }
    ready: set[ObjectKey] = set()
    gate = Gate(Graph(edges=edges), lambda key, _: key in ready)
    assert gate.blocked(A) == Edge(B, Until.HEALTHY, "outer", "wave")
    ready.add(B)
    assert gate.blocked(A) is None


def test_what_was_met_is_not_asked_for_again() -> None:
    asked: list[ObjectKey] = []

    def met(key: ObjectKey, _: Until) -> bool:
        asked.append(key)
        return key != C

    members = tuple(Edge(key, Until.HEALTHY, "") for key in (A, B, C))
    others = [key("Pod", str(number)) for number in range(100)]
    edges = {other: (Edge(barrier("wave 1"), Until.HEALTHY, ""),) for other in others} | {barrier("wave 1"): members}
    gate = Gate(Graph(edges=edges), met)
    assert all(gate.blocked(other) is not None for other in others)
    assert asked.count(A) == 1


def test_thousands_of_barriers_in_a_row_are_no_problem() -> None:
    nodes = [barrier(str(number)) for number in range(5000)]
    edges = {node: (Edge(earlier, Until.HEALTHY, ""),) for earlier, node in pairwise(nodes)}
    edges[A] = (Edge(nodes[-1], Until.HEALTHY, ""),)
    assert Gate(Graph(edges=edges), lambda *_: False).blocked(A) is None


def test_a_barrier_is_read_by_its_name() -> None:
    assert is_barrier(barrier("wave 1"))
    assert label(barrier("wave 1")) == "wave 1"
    assert label(A) == "ConfigMap:shop/a"
