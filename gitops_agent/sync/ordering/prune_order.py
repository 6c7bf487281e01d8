"""The order of deletions: the reverse of applies, by identities alone.

Of an object that is no longer declared only its identity is remembered, so the order goes by kinds: custom resources while
their operator can still take its finalizers off them, then who calls the operator, the operator, what it used, its CRDs, and
Namespaces at the very end. All of it after everything that is applied. Waves go the other way round: the highest first. What
others use is kept until these are gone, whatever its wave.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType

from gitops_agent.manifest.key import GroupKind, ObjectKey
from gitops_agent.manifest.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CRD,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    NAMESPACE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    ROLE,
    ROLE_BINDING,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
)
from gitops_agent.sync.ordering.apply_order import LIMITS, Edges
from gitops_agent.sync.ordering.graph import Edge, Until, barrier
from gitops_agent.sync.ordering.references import SERVED
from gitops_agent.sync.ordering.rules import RULES

WORKLOADS = frozenset(
    {
        POD,
        REPLICATION_CONTROLLER,
        DAEMON_SET,
        DEPLOYMENT,
        REPLICA_SET,
        STATEFUL_SET,
        CRON_JOB,
        JOB,
    },
)
_LAST = 6
USED = LIMITS | {
    CONFIG_MAP,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    GroupKind("node.k8s.io", "RuntimeClass"),
    DISRUPTION_BUDGET,
    GroupKind("scheduling.k8s.io", "PriorityClass"),
    GroupKind("storage.k8s.io", "StorageClass"),
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
}
"""Kinds that workloads use, directly or for their permissions."""


def prune_edges(
    deleted: Collection[ObjectKey],
    *,
    applied: Iterable[ObjectKey],
    groups: Collection[str],
    waves: Mapping[ObjectKey, int] = MappingProxyType({}),
) -> Edges:
    """Who waits for whom among deletions.

    Args:
        deleted: what is deleted.
        applied: what is applied before any of it.
        groups: API groups of the custom resources whose CRDs this application has, kept ones included.
        waves: of what is deleted, as its annotations say; 0 where one is missing.
    """
    if not deleted:
        return {}
    resources = [key for key in deleted if key.group in groups]
    callers = [key for key in deleted if key.group_kind in SERVED]
    workloads = [key for key in deleted if key.group_kind in WORKLOADS]
    edges: Edges = {}
    first = _barrier(edges, "applies", "prune", applied, Until.APPLIED)
    no_resources = _barrier(edges, "custom resources gone", "gone resources", resources)
    no_callers = _barrier(edges, "callers gone", "gone callers", callers)
    running = {
        namespace: [key for key in workloads if key.namespace == namespace]
        for namespace in {key.namespace for key in workloads}
    }
    idle = {
        namespace: _barrier(edges, f"workloads of {namespace} gone", "gone workloads", keys)
        for namespace, keys in running.items()
    }
    all_idle = _barrier(edges, "workloads gone", "gone workloads", workloads)
    last = _barrier(edges, "all else gone", "gone contents", [key for key in deleted if key.group_kind != NAMESPACE])
    for key in deleted:
        kind = key.group_kind
        before: Iterator[Edge | None] = iter(())
        if kind == NAMESPACE:
            before = iter((first, last))
        elif kind == CRD:
            before = iter((first, no_resources, no_callers, all_idle))
        elif key.group in groups:
            before = iter((first,))
        elif kind in SERVED:
            before = iter((first, no_resources))
        elif kind in WORKLOADS:
            before = iter((first, no_resources, no_callers))
        elif kind in USED:
            before = iter((first, no_resources, no_callers, idle.get(key.namespace) if key.namespace else all_idle))
        else:
            before = iter((first,))
        barriers = [edge for edge in before if edge is not None]
        if barriers:
            edges[key] = barriers
    _add_waves(edges, deleted, groups, waves)
    return edges


def _add_waves(edges: Edges, deleted: Collection[ObjectKey], groups: Collection[str], waves: Mapping[ObjectKey, int]) -> None:
    """Puts a barrier before every wave of deletions but the highest."""
    if len({waves.get(key, 0) for key in deleted}) <= 1:
        return
    by_rank: dict[int, list[ObjectKey]] = {}
    for key in sorted(deleted):
        by_rank.setdefault(_rank(key, groups), []).append(key)
    members: dict[int, list[ObjectKey]] = {}
    for rank, keys in by_rank.items():
        # What goes after others by its kind goes no earlier than these by its wave.
        first = (other for number in by_rank if _precedes(number, rank) for other in by_rank[number])
        ceiling = min((waves.get(other, 0) for other in first), default=None)
        for key in keys:
            wave = waves.get(key, 0)
            members.setdefault(wave if ceiling is None else min(wave, ceiling), []).append(key)
    earlier: ObjectKey | None = None
    numbers = sorted(members, reverse=True)
    why = RULES["wave"].why
    for higher, number in pairwise(numbers):
        node = barrier(f"wave {number} of deletions")
        edges[node] = [Edge(member, Until.GONE, why, "wave") for member in members[higher]]
        if earlier is not None:
            edges[node].insert(0, Edge(earlier, Until.GONE, why, "wave"))
        for key in members[number]:
            edges.setdefault(key, []).append(Edge(node, Until.GONE, why, "wave"))
        earlier = node


def _precedes(rank: int, than: int) -> bool:
    """Whether kinds of one rank go before those of another.

    Those of rank 0 go before Namespaces only.
    """
    return rank < than and (rank > 0 or than == _LAST)


def _rank(key: ObjectKey, groups: Collection[str]) -> int:
    """The place of a kind among deletions; 0 before Namespaces only."""
    kind = key.group_kind
    if kind == NAMESPACE:
        return _LAST
    if kind == CRD:
        return 5
    if key.group in groups:
        return 1
    if kind in SERVED:
        return 2
    if kind in WORKLOADS:
        return 3
    return 4 if kind in USED else 0


def _barrier(edges: Edges, name: str, rule: str, keys: Iterable[ObjectKey], until: Until = Until.GONE) -> Edge | None:
    """An edge to a new barrier behind some objects, or None."""
    why = RULES[rule].why
    behind = [Edge(key, until, why, rule) for key in sorted(keys)]
    if not behind:
        return None
    node = barrier(name)
    edges[node] = behind
    return Edge(node, until, why, rule)
