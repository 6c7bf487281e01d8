"""Fields that users and earlier tools added beside the declared ones.

A field that is not ours keeps our projection's hash as it is, so additions (an environment variable, a label) would stay for
ever. managedFields names who added them. Additions of controllers are their business; those of people, and what a former
deployment tool left behind, are reported with manager and time, and removed by `sync.undeclared` where self-healing is on.
The tables are data so that documentation can print them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from gitops_agent.manifest.fields import FieldSet, owned, step
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import FIELD_MANAGER, PREFIX
from gitops_agent.manifest.pointer import pointer

PEOPLE_MANAGERS: tuple[tuple[str, str], ...] = (
    ("kubectl*", "kubectl: edit, patch, set, label, annotate, scale, create, replace, apply"),
    ("oc", "OpenShift's client"),
    ("oc-*", "OpenShift's client"),
    ("node-fetch", "Lens and its forks"),
    ("Lens*", "Lens"),
    ("OpenLens*", "OpenLens"),
    ("freelens*", "Freelens"),
    ("k9s", "k9s"),
    ("Mozilla", "a browser: dashboards that pass the browser's requests on"),
    ("dashboard*", "Kubernetes Dashboard"),
    ("kubernetes-dashboard*", "Kubernetes Dashboard"),
    ("headlamp*", "Headlamp"),
    ("rancher", "Rancher's user interface"),
    ("octant", "Octant"),
    ("aptakube*", "Aptakube"),
    ("curl", "curl"),
    ("PostmanRuntime", "Postman"),
)
"""Field managers of people's hands, with what they stand for; a star at the end matches any rest."""

EXCHANGE_MANAGER = "gitops-agent-exchange"
"""Owns items of lists for the moment in which they take the place of undeclared ones."""

TOOL_MANAGERS: tuple[tuple[str, str], ...] = (
    (EXCHANGE_MANAGER, "this agent, if it was killed in that moment"),
    ("helm", "Helm"),
    ("helm-controller", "Flux"),
    ("kustomize-controller", "Flux"),
    ("argocd-controller", "Argo CD"),
    ("argocd-application-controller", "Argo CD"),
    ("Terraform", "Terraform"),
    ("pulumi-kubernetes*", "Pulumi"),
)
"""Field managers of declarative tools an object may have been taken over from."""

NEVER_KEYS: tuple[tuple[str, str], ...] = (
    ("kubectl.kubernetes.io/", "a request by annotation (restart), or a note of kubectl's own"),
    (PREFIX, "a request to this agent (approve, sync now)"),
    ("kubernetes.io/metadata.name", "set by the API server"),
)
"""Labels and annotations, by prefix, that are never removed, and why."""

NEVER_PATHS: tuple[tuple[str, str], ...] = (
    ("/metadata/finalizers", "a controller waits for it; removing it loses what the controller has to clean up"),
    ("/metadata/ownerReferences", "removing it changes what garbage collection deletes"),
    ("/spec/replicas", "where Git leaves it out, manual scaling or an autoscaler is intended"),
    ("/status", "what runs, not what is declared"),
)
"""Fields that are never removed, and why."""

_NEVER_KEYS = tuple(prefix for prefix, _ in NEVER_KEYS)
_NEVER_PATHS = frozenset(path for path, _ in NEVER_PATHS)
_NEVER_DOMAIN = "cattle.io"
"""Rancher's controllers write under the same manager name as its user interface."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEdit:
    """An undeclared field written by another tool.

    Attributes:
        path: a JSON pointer into the live object; items of lists by their position in it.
        manager: the field manager that wrote it.
        operation: `Update` or `Apply`.
        time: when, as the server says it (RFC 3339), or empty.
    """

    path: str
    manager: str
    operation: str
    time: str


def is_person(manager: str) -> bool:
    """Whether the field manager is a tool in people's hands."""
    return _matches(manager, PEOPLE_MANAGERS)


def is_tool(manager: str) -> bool:
    """Whether a field manager is a tool that managed the object declaratively."""
    return _matches(manager, TOOL_MANAGERS)


def foreign_fields(obj: Object, manager: str = FIELD_MANAGER) -> tuple[FieldEdit, ...]:
    """The present fields owned by users and earlier tools alone.

    Not ours and not a controller's.

    The outermost such field is named: an added container of a pod is one edit, not ten.
    """
    entries = (obj.get("metadata") or {}).get("managedFields") or []
    if not any(_is_theirs(entry) for entry in entries):
        return ()
    ours = owned(obj, manager) or {}
    others = [
        entry["fieldsV1"]
        for entry in entries
        if not _is_theirs(entry) and entry.get("manager") != manager and isinstance(entry.get("fieldsV1"), dict)
    ]
    result: dict[str, FieldEdit] = {}
    for entry in entries:
        if _is_theirs(entry) and isinstance(entry.get("fieldsV1"), dict):
            paths: list[str] = []
            _collect(entry["fieldsV1"], [ours, *others], obj, "", paths)
            for path in paths:
                edit = FieldEdit(
                    path=path,
                    manager=str(entry.get("manager")),
                    operation=str(entry.get("operation")),
                    time=str(entry.get("time") or ""),
                )
                earlier = result.get(path)
                result[path] = edit if earlier is None or edit.time > earlier.time else earlier
    return tuple(result.values())


def _matches(manager: str, table: tuple[tuple[str, str], ...]) -> bool:
    return any(manager.startswith(name[:-1]) if name.endswith("*") else manager == name for name, _ in table)


@lru_cache(maxsize=1024)
def _may_be_undone(manager: str) -> bool:
    return is_person(manager) or is_tool(manager)


def _is_theirs(entry: dict[str, Any]) -> bool:
    return entry.get("subresource") != "status" and _may_be_undone(str(entry.get("manager") or ""))


def _left_alone(parent: str, name: str, path: str) -> bool:
    if path in _NEVER_PATHS:
        return True
    if parent.endswith(("/annotations", "/labels")):
        domain = name.partition("/")[0]
        return name.startswith(_NEVER_KEYS) or domain == _NEVER_DOMAIN or domain.endswith("." + _NEVER_DOMAIN)
    return False


def _collect(fields: FieldSet, others: list[FieldSet], live: Any, path: str, paths: list[str]) -> bool:
    """Adds the outermost removable paths to `paths`; returns whether all is.

    True when nothing at or below `path` must stay.
    """
    free, there = True, "." in fields
    for element, below in fields.items():
        position = step(element, live)
        if position is None:
            continue
        there = True
        here = path + pointer(str(position))
        if isinstance(position, str) and _left_alone(path, position, here):
            free = False
            continue
        beside = [other[element] for other in others if element in other]
        inner: list[str] = []
        alone = _collect(below, [other for other in beside if other], live[position], here, inner) if below else True
        if beside:
            # Shared: a leaf of theirs is co-owned; below it, what is theirs alone was collected.
            free = False
            paths.extend(inner)
        elif alone:
            paths.append(here)
        else:
            free = False
            paths.extend(inner)
    return free and there
