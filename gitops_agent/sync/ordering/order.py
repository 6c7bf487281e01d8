"""The order of actions: an inferred graph, not a list of kinds.

A fixed order of kinds is both too strict (one slow Service holds up everything behind it) and too weak (a webhook configuration
is applied while nothing answers its calls). Here an object waits for exactly those it cannot do without, and only until these
are far enough for it. What can be inferred from the manifests is (`inference`, `teardown`); `depends-on` and waves add what
cannot. The rules are data: `RULES`.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.kinds import CRD
from gitops_agent.sync.action import WRITES, Action, ActionKind, PlanError
from gitops_agent.sync.ordering.apply_order import Edges, apply_edges
from gitops_agent.sync.ordering.cycles import break_cycles
from gitops_agent.sync.ordering.graph import Edge, Gate, Graph, Until, barrier, is_barrier, label
from gitops_agent.sync.ordering.prune_order import prune_edges
from gitops_agent.sync.ordering.rules import KIND_ORDER, RANKS, RULES, OrderRule

__all__ = [
    "KIND_ORDER",
    "RULES",
    "Edge",
    "Gate",
    "Graph",
    "OrderRule",
    "PlanError",
    "Until",
    "barrier",
    "graph",
    "is_barrier",
    "label",
    "ordered",
]

_AWAITED = (*WRITES, ActionKind.WAIT)


def graph(actions: Collection[Action]) -> Graph:
    """What the objects of a plan wait for.

    Only objects of the plan are waited for, and only by those that are sent or deleted. A repair of drift does not wait for
    health: it restores what once came to stand there in the right order.

    Raises:
        PlanError: they wait for each other in a circle; the message prints it.
    """
    if not any(action.kind in _AWAITED for action in actions):
        return Graph()
    # A terminating object stays in the graph until it is gone: a Pod with a finalizer still needs its ServiceAccount.
    deleted = [action.key for action in actions if action.kind is ActionKind.DELETE or action.terminating]
    stands = {action.key: action for action in actions if _is_live(action)}
    edges = _needed(
        break_cycles(apply_edges(action.manifest for action in stands.values() if action.manifest is not None)), stands
    )
    applied = (key for key, action in stands.items() if action.kind in _AWAITED)
    groups = {action.key.name.partition(".")[2] for action in actions if action.key.group_kind == CRD}
    waves = {action.key: action.live.wave for action in actions if action.live is not None and action.live.wave}
    edges |= prune_edges(deleted, applied=applied, groups=groups, waves=waves)
    return Graph(edges={key: tuple(targets) for key, targets in edges.items()})


def ordered(actions: Iterable[Action], edges: Graph) -> tuple[Action, ...]:
    """Sorts the actions topologically.

    Where the graph leaves a choice: applies before deletions, then by kind and identity.
    """
    by_key = {action.key: action for action in actions}
    open_edges = {key: len(predecessors) for key, predecessors in edges.edges.items() if predecessors}
    followers: dict[ObjectKey, list[ObjectKey]] = {}
    for key, predecessors in edges.edges.items():
        for edge in predecessors:
            followers.setdefault(edge.before, []).append(key)
    ready = [(_rank(key, by_key), key) for key in {*by_key, *edges.edges} if key not in open_edges]
    heapq.heapify(ready)
    result: list[Action] = []
    while ready:
        _, key = heapq.heappop(ready)
        if key in by_key:
            result.append(by_key[key])
        for follower in followers.get(key, ()):
            open_edges[follower] -= 1
            if not open_edges[follower]:
                heapq.heappush(ready, (_rank(follower, by_key), follower))
    return tuple(result)


def _is_live(action: Action) -> bool:
    """Whether an object is, or will be, live as declared.

    Others may wait for it only then. A deletion has no manifest.
    """
    if action.manifest is None:
        return False
    return action.intent is not ActionKind.SKIP or action.live is not None


def _needed(edges: Edges, stands: dict[ObjectKey, Action]) -> Edges:
    """The unmet edges of applied objects and the barriers between them."""
    result: Edges = {}
    todo = [key for key, action in stands.items() if action.kind in _AWAITED]
    while todo:
        key = todo.pop()
        if key in result or key not in edges:
            continue
        repair = key in stands and stands[key].drift
        result[key] = [edge for edge in edges[key] if not (repair and edge.until is Until.HEALTHY) and not _met(edge, stands)]
        todo += (edge.before for edge in result[key] if is_barrier(edge.before))
    return {key: predecessors for key, predecessors in result.items() if predecessors or is_barrier(key)}


def _met(edge: Edge, stands: dict[ObjectKey, Action]) -> bool:
    before = stands.get(edge.before)
    return before is not None and edge.until is Until.APPLIED and before.kind in (ActionKind.UNCHANGED, ActionKind.SKIP)


def _rank(key: ObjectKey, actions: dict[ObjectKey, Action]) -> tuple[int, int]:
    action = actions.get(key)
    rank = RANKS.get(key.kind, len(RANKS))
    if action is None:
        return -1, 0
    return (1, -rank) if action.intent is ActionKind.DELETE else (0, rank)
