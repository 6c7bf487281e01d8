"""The dependants that a plan's deletions remove, counted before approval.

Deleting a CRD deletes every custom resource of it, a Namespace everything inside, an Application all that carries its marks.
None of that stands in the plan. So it is listed here, metadata only, and what could not be listed is said to be unseen, never
counted as nothing. Dependants of single objects (pods, volumes, load balancers) get notes instead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.resource import Resource
from gitops_agent.errors import AgentError, CannotSee, NotFound
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import (
    APPLICATION,
    CRD,
    NAMESPACE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    SERVICE,
)
from gitops_agent.sync.action import REMOVES, ActionKind
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.planning.deletion_guard import Dependants
from gitops_agent.sync.planning.dependants import UNCOUNTED, balancer_note, counted, pods_note, volume_note
from gitops_agent.sync.planning.plan import Plan

_WORKLOADS = frozenset({GroupKind("apps", kind) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")})

_THREADS = 8
_SAMPLES = 10
_NOTED = 20


class DependantCounter:
    """Reads, never writes.

    Args:
        objects: lists.
        discovery: which kinds a namespace can hold.
        live: what carries the marks of an Application.
    """

    def __init__(self, objects: Objects, discovery: Discovery, live: LiveState) -> None:
        self._objects, self._discovery, self._live = objects, discovery, live

    def gather(self, plan: Plan) -> Mapping[ObjectKey, Dependants]:
        """The dependants of each removal, also of held ones.

        Never raises for what it cannot see.
        """
        removed = [
            action.key
            for action in plan.actions
            if action.intent in REMOVES and (action.writes or action.kind is ActionKind.HOLD)
        ]
        # What the plan deleted before and is terminating is as good as gone, and no stranger.
        going = frozenset((*removed, *(action.key for action in plan.actions if action.terminating)))
        result = {}
        noted = 0
        for key in removed:
            if key.group_kind in (NAMESPACE, CRD, APPLICATION):
                result[key] = self._under(key, plan.application, going)
            elif noted < _NOTED and key.group_kind in (*_WORKLOADS, PERSISTENT_VOLUME_CLAIM, SERVICE):
                noted += 1
                notes = tuple(self._notes(key))
                if notes:
                    result[key] = Dependants(notes=notes)
        return result

    def _under(self, key: ObjectKey, application: AppKey, going: frozenset[ObjectKey]) -> Dependants:
        try:
            if key.group_kind == NAMESPACE:
                return self._namespace(key, application, going)
            if key.group_kind == CRD:
                return self._definition(key, application, going)
            return self._application(key, going)
        except NotFound:
            return Dependants()
        except AgentError as error:
            return Dependants(cannot_see=(f"{key} ({error})",))

    def _namespace(self, key: ObjectKey, application: AppKey, going: frozenset[ObjectKey]) -> Dependants:
        resources = [
            resource for resource in self._discovery.kinds() if resource.namespaced and resource.group_kind not in UNCOUNTED
        ]
        unseen = [f"{group} ({why})" for group, why in self._discovery.blind().items()]
        objects: list[Object] = []
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="blast") as pool:
            for resource, listed in zip(
                resources, pool.map(lambda resource: self._listed(resource, namespace=key.name), resources), strict=True
            ):
                if isinstance(listed, CannotSee):
                    unseen.append(f"{resource.group_kind} ({listed})")
                else:
                    objects += listed
        pods = sum(ObjectKey.of(obj).group_kind == POD for obj in objects)
        notes = [f"{pods} pod{'s' if pods > 1 else ''}"] if pods else []
        claims = [ObjectKey.of(obj) for obj in objects if ObjectKey.of(obj).group_kind == PERSISTENT_VOLUME_CLAIM]
        services = [ObjectKey.of(obj) for obj in objects if ObjectKey.of(obj).group_kind == SERVICE]
        for inner in [*claims[:_NOTED], *services[:_NOTED]]:
            notes += self._notes(inner)
        dependants = counted(objects, application, going, self._live.authority)
        return replace(dependants, notes=tuple(notes), cannot_see=tuple(unseen))

    def _definition(self, key: ObjectKey, application: AppKey, going: frozenset[ObjectKey]) -> Dependants:
        spec = self._objects.get(key).get("spec") or {}
        resource = self._discovery.find(str(spec.get("group")), str((spec.get("names") or {}).get("kind")))
        listed = self._listed(resource)
        if isinstance(listed, CannotSee):
            return Dependants(cannot_see=(f"{resource.group_kind} ({listed})",))
        return counted(listed, application, going, self._live.authority)

    def _application(self, key: ObjectKey, going: frozenset[ObjectKey]) -> Dependants:
        """All objects under an Application, and under the Applications among them."""
        under: dict[ObjectKey, str] = {}
        notes: list[str] = []
        unseen: list[str] = []
        stack, visited = [key], {key}
        while stack:
            current = stack.pop()
            try:
                orphans = (self._objects.get(current).get("spec") or {}).get("deletionPolicy") == "orphan"
            except NotFound:
                continue
            if orphans:
                notes.append(f"the objects of {current.namespace}/{current.name} stay (deletionPolicy: orphan)")
                continue
            inner = self._live.of(AppKey(current.namespace, current.name))
            unseen += (f"{kind} ({why})" for kind, why in self._live.cannot_see.items() if f"{kind} ({why})" not in unseen)
            for child in sorted(inner):
                under[child] = inner[child].uid
                if child.group_kind == APPLICATION and child not in visited:
                    visited.add(child)
                    stack.append(child)
        if not self._live.complete:
            unseen.append("kinds that were not listed since the start")
        left = [child for child in under if child not in going]
        return Dependants(
            total=len(left),
            samples=tuple(str(child) for child in left[:_SAMPLES]),
            notes=tuple(notes),
            cannot_see=tuple(unseen),
            objects=tuple((child, under[child]) for child in left),
        )

    def _listed(self, resource: Resource, *, namespace: str = "") -> list[Object] | CannotSee:
        try:
            listing = self._objects.list(resource, namespace=namespace, metadata_only=True)
        except NotFound:
            return []
        except AgentError as error:
            return error if isinstance(error, CannotSee) else CannotSee(str(error))
        return [{**item, "apiVersion": resource.api_version, "kind": resource.kind} for item in listing.items]

    def _notes(self, key: ObjectKey) -> Iterator[str]:
        """Notes on dependants outside of the API; none where unknown."""
        try:
            obj = self._objects.get(key)
            if key.group_kind == PERSISTENT_VOLUME_CLAIM:
                yield from self._volume_note(obj)
            elif key.group_kind == SERVICE:
                yield from balancer_note(obj)
            else:
                yield from pods_note(obj)
        except NotFound:
            return
        except AgentError as error:
            yield f"the dependants of {key} cannot be seen ({error})"

    def _volume_note(self, claim: Object) -> Iterator[str]:
        name = (claim.get("spec") or {}).get("volumeName")
        if not name:
            return
        yield volume_note(claim, self._objects.get(PERSISTENT_VOLUME.named("", str(name))))
