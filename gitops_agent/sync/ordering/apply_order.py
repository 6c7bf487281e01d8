"""The order of applies, by references, annotations and waves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import API_SERVICE, CRD, NAMESPACE
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.pod_references import account
from gitops_agent.sync import object_options
from gitops_agent.sync.object_options import ObjectOptions
from gitops_agent.sync.ordering.graph import Edge, Until, barrier
from gitops_agent.sync.ordering.references import BOUND, SERVED, pod_template, references, selects, services, subjects
from gitops_agent.sync.ordering.rules import RULES

LIMITS = frozenset(
    {
        GroupKind("networking.k8s.io", "NetworkPolicy"),
        GroupKind("", "ResourceQuota"),
        GroupKind("", "LimitRange"),
    },
)

Edges = dict[ObjectKey, list[Edge]]
"""Under construction: by the object that waits."""


@dataclass(slots=True)
class _Index:
    """What is declared, by what others look for."""

    objects: Mapping[ObjectKey, Object]
    options: dict[ObjectKey, ObjectOptions] = field(default_factory=dict)
    definitions: dict[GroupKind, ObjectKey] = field(default_factory=dict)
    apis: dict[str, ObjectKey] = field(default_factory=dict)
    templates: dict[ObjectKey, Object] = field(default_factory=dict)
    workloads: dict[str, list[ObjectKey]] = field(default_factory=dict)
    bindings: dict[ObjectKey, list[ObjectKey]] = field(default_factory=dict)
    limits: dict[str, list[ObjectKey]] = field(default_factory=dict)
    backends: dict[ObjectKey, list[ObjectKey]] = field(default_factory=dict)

    def add(self, key: ObjectKey, obj: Object) -> None:
        """Takes one object in."""
        self.options[key] = object_options.read(obj)[0]
        kind = key.group_kind
        if kind == CRD:
            spec: Any = obj.get("spec")
            if isinstance(spec, dict) and isinstance(spec.get("names"), dict):
                self.definitions[GroupKind(str(spec.get("group")), str(spec["names"].get("kind")))] = key
        elif kind == API_SERVICE and any(True for _ in services(obj)):
            self.apis[str(obj["spec"].get("group"))] = key
        elif kind in LIMITS:
            self.limits.setdefault(key.namespace, []).append(key)
        elif kind in BOUND:
            for subject in subjects(obj, key):
                self.bindings.setdefault(subject, []).append(key)
        template = pod_template(obj, key)
        if template is not None:
            self.templates[key] = template
            self.workloads.setdefault(key.namespace, []).append(key)

    def edge(self, before: ObjectKey, rule: str) -> Edge:
        """An edge to an object under a rule.

        Without a wait for health where its annotation opts out.
        """
        until = RULES[rule].until
        options = self.options.get(before)
        if until is Until.HEALTHY and options is not None and options.ignore_health:
            until = Until.APPLIED
        return Edge(before, until, RULES[rule].why, rule)

    def behind(self, service: ObjectKey) -> list[ObjectKey]:
        """The workloads whose pods answer for a declared Service."""
        workloads = self.backends.get(service)
        if workloads is None:
            obj = self.objects[service]
            here = self.workloads.get(service.namespace, ())
            workloads = self.backends[service] = [key for key in here if selects(obj, self.templates[key])]
        return workloads


def apply_edges(manifests: Iterable[Manifest]) -> Edges:
    """Edges between declared objects; other objects are never waited for."""
    objects = {manifest.key: manifest.obj for manifest in manifests}
    index = _Index(objects)
    for key, obj in objects.items():
        index.add(key, obj)
    edges: Edges = {}
    for subject, bindings in index.bindings.items():
        edges[_access(subject)] = [index.edge(manifest, "access") for manifest in sorted(set(bindings))]
    for namespace, limits in index.limits.items():
        edges[_limits(namespace)] = [index.edge(manifest, "limits") for manifest in sorted(limits)]
    for key, obj in objects.items():
        edges_of_key = list(dict.fromkeys(_edges(index, key, obj)))
        if edges_of_key:
            edges[key] = edges_of_key
    _add_waves(index, edges)
    return edges


def _edges(index: _Index, key: ObjectKey, obj: Object) -> Iterator[Edge]:
    """What one object waits for, but for waves."""
    home = NAMESPACE.named("", key.namespace)
    if key.namespace and home in index.objects:
        yield index.edge(home, "namespace")
    if (definition := index.definitions.get(key.group_kind)) is not None:
        yield index.edge(definition, "definition")
    elif (api := index.apis.get(key.group)) is not None:
        yield index.edge(api, "api")
    for reference in references(obj, key):
        if reference.key != key and reference.key in index.objects:
            yield index.edge(reference.key, reference.rule)
    yield from _around(index, key)
    if key.group_kind in SERVED:
        for service in services(obj):
            if service in index.objects:
                yield from (index.edge(backend, "backend") for backend in (service, *index.behind(service)))
    for named in index.options[key].depends_on:
        declared = object_options.within(named, key, index.objects)
        if declared is not None:
            yield index.edge(declared, "depends-on")


def _around(index: _Index, key: ObjectKey) -> Iterator[Edge]:
    """What a workload waits for without naming it."""
    template = index.templates.get(key)
    if template is None:
        return
    runs_as = account(template, key.namespace)
    if runs_as in index.bindings:
        yield Edge(_access(runs_as), Until.APPLIED, RULES["access"].why, "access")
    if key.namespace in index.limits:
        yield Edge(_limits(key.namespace), Until.APPLIED, RULES["limits"].why, "limits")


def _access(subject: ObjectKey) -> ObjectKey:
    return barrier(f"access of {subject}")


def _limits(namespace: str) -> ObjectKey:
    return barrier(f"limits of {namespace}")


def _add_waves(index: _Index, edges: Edges) -> None:
    """Puts a barrier before every wave but the first.

    What an object of an early wave cannot do without comes into that wave too, whatever it says itself: a Namespace, a CRD or a
    Secret without a wave would otherwise wait for the very objects that need it.
    """
    wave = {key: options.wave for key, options in index.options.items()}
    if len(set(wave.values())) <= 1:
        return
    for key in sorted(wave, key=lambda item: wave[item]):
        pulled = [key]
        while pulled:
            early = pulled.pop()
            for edge in edges.get(early, ()):
                if edge.before in wave and not RULES[edge.rule].yields and wave[edge.before] > wave[key]:
                    wave[edge.before] = wave[key]
                    pulled.append(edge.before)
    members: dict[int, list[ObjectKey]] = {}
    for key in sorted(wave):
        members.setdefault(wave[key], []).append(key)
    earlier: ObjectKey | None = None
    numbers = sorted(members)
    for lower, number in pairwise(numbers):
        node = barrier(f"wave {number}")
        edges[node] = [index.edge(member, "wave") for member in members[lower]]
        if earlier is not None:
            edges[node].insert(0, Edge(earlier, Until.HEALTHY, RULES["wave"].why, "wave"))
        for key in members[number]:
            edges.setdefault(key, []).append(Edge(node, Until.HEALTHY, RULES["wave"].why, "wave"))
        earlier = node
