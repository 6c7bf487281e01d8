"""Resolves cycles: drops preferences, and reports any other cycle."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.action import PlanError
from gitops_agent.sync.ordering.graph import Edge, is_barrier, label
from gitops_agent.sync.ordering.rules import RULES


def break_cycles(edges: Mapping[ObjectKey, Sequence[Edge]]) -> dict[ObjectKey, list[Edge]]:
    """The same edges without those preferences that take part in a circle.

    Raises:
        PlanError: objects wait for each other in a circle that no preference is part of.
    """
    result = {key: list(targets) for key, targets in edges.items()}
    knots = list(_cyclic_components(result))
    for knot in knots:
        for key in knot:
            result[key] = [edge for edge in result[key] if edge.before not in knot or not _is_preference(edge)]
    for knot in _cyclic_components(result) if knots else ():
        circle = _cycle(result, knot)
        text = " → ".join(map(label, [*circle, circle[0]]))
        raise PlanError(
            f"objects wait for each other in a circle: {text}",
            reason="DependencyCycle",
            cycle=[label(key) for key in circle],
        )
    return result


def _is_preference(edge: Edge) -> bool:
    """Whether an edge is a preference, which may be dropped.

    One to a barrier stays, since the edges behind the barrier are dropped instead.
    """
    return RULES[edge.rule].yields and not is_barrier(edge.before)


def _cyclic_components(edges: Mapping[ObjectKey, Sequence[Edge]]) -> Iterator[set[ObjectKey]]:
    """The strongly connected components with a cycle (Tarjan, own stack)."""
    number: dict[ObjectKey, int] = {}
    low: dict[ObjectKey, int] = {}
    open_nodes: list[ObjectKey] = []
    on_stack: set[ObjectKey] = set()
    for root in edges:
        if root in number:
            continue
        work: list[tuple[ObjectKey, int]] = [(root, 0)]
        while work:
            node, position = work.pop()
            if node not in number:
                number[node] = low[node] = len(number)
                open_nodes.append(node)
                on_stack.add(node)
            successors = edges.get(node, ())
            for index in range(position, len(successors)):
                after = successors[index].before
                if after not in number:
                    work.append((node, index))
                    work.append((after, 0))
                    break
                if after in on_stack:
                    low[node] = min(low[node], low[after])
            else:
                if low[node] == number[node]:
                    knot = set()
                    while True:
                        member = open_nodes.pop()
                        on_stack.discard(member)
                        knot.add(member)
                        if member == node:
                            break
                    if len(knot) > 1 or any(edge.before == node for edge in successors):
                        yield knot


def _cycle(edges: Mapping[ObjectKey, Sequence[Edge]], knot: Collection[ObjectKey]) -> list[ObjectKey]:
    """A shortest circle through the first object of a knot."""
    start = min(knot)
    came: dict[ObjectKey, ObjectKey] = {}
    queue = deque([start])
    while queue:
        node = queue.popleft()
        for edge in edges.get(node, ()):
            if edge.before == start:
                path = [node]
                while path[-1] != start:
                    path.append(came[path[-1]])
                return path[::-1]
            if edge.before in knot and edge.before not in came:
                came[edge.before] = node
                queue.append(edge.before)
    return [start]
