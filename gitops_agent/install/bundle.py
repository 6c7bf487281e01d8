"""The agent's own objects, which no plan may ever delete.

Flux and Argo CD both have users whose one-line change made the agent prune itself. What the base in `deploy/` installs is
listed here; a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import gitops_agent
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, UnknownKind, UsageError
from gitops_agent.manifest import kinds
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.render.request import KubeFacts, RenderRequest
from gitops_agent.render.worker.client import local_workers
from gitops_agent.render.worktree import WorkTree

NAME = "gitops-agent"
PART_OF = "app.kubernetes.io/part-of"
MARK_KEY = "gitops-agent-marks"
"""The Secret with the key that seals the marks of objects."""
NAMESPACE = "gitops-system"
CRDS = tuple(f"{plural}.{kinds.GROUP}" for plural in ("applications", "notifiers", "rolloutpolicies"))
FIELD_MANAGER = "gitops-agent-install"
_FIRST = ("CustomResourceDefinition", "Namespace", "ServiceAccount", "ClusterRole", "Role")


class Flavour(StrEnum):
    """What the agent may do once it is installed."""

    FULL = "full"
    """Read and write: a working agent."""
    READ_ONLY = "read-only"
    """Read only: it reports, and writes nothing but its own objects."""


def protected(namespace: str) -> frozenset[ObjectKey]:
    """The keys of the installation in `namespace`."""
    crds = (kinds.CRD.named("", name) for name in CRDS)
    roles = (
        kind.named("", f"{NAME}-{part}")
        for kind in (kinds.CLUSTER_ROLE, kinds.CLUSTER_ROLE_BINDING)
        for part in ("read", "write", "impersonate")
    )
    inside = (
        kinds.SERVICE_ACCOUNT.named(namespace, NAME),
        kinds.DEPLOYMENT.named(namespace, NAME),
        kinds.SECRET.named(namespace, MARK_KEY),
        kinds.ROLE.named(namespace, NAME),
        kinds.ROLE_BINDING.named(namespace, NAME),
        kinds.NAMESPACE.named("", namespace),
    )
    return frozenset({*crds, *roles, *inside})


def manifests(flavour: Flavour) -> list[Object]:
    """The objects of the installation, in the order of applying.

    Raises:
        UsageError: this copy of the program came without them.
        RenderError: kustomize is missing or failed.
    """
    root = folder()
    path = "" if flavour is Flavour.FULL else str(flavour)
    request = RenderRequest(
        application=AppKey(NAMESPACE, NAME), path=path, options=None, namespace=NAMESPACE, facts=KubeFacts()
    )
    with local_workers() as workers:
        rendered = workers.render(WorkTree(root), request)
    return ordered([manifest.obj for manifest in rendered.manifests])


def ordered(objects: list[Object]) -> list[Object]:
    """The objects of an installation in the order of applying."""
    return sorted(objects, key=lambda obj: _FIRST.index(obj["kind"]) if obj["kind"] in _FIRST else len(_FIRST))


def folder() -> Path:
    """The folder of the manifests: in the package, or the checkout.

    Raises:
        UsageError: in neither place.
    """
    package = Path(gitops_agent.__file__).parent
    for candidate in (package / "deploy", package.parent / "deploy"):
        if (candidate / "kustomization.yaml").is_file():
            return candidate
    raise UsageError("this copy of gitops-agent came without its deploy/ folder")


def install(objects: Objects, manifests: list[Object], report: Callable[[ObjectKey, bool], None]) -> None:
    """Applies the installation; `report` receives every object and whether it changed.

    Raises:
        AgentError: the API server refused one; those before it are applied, and applying again goes on.
    """
    for obj in manifests:
        key = ObjectKey.of(obj)
        before = _version(objects, key)
        after = objects.apply(obj, field_manager=FIELD_MANAGER)
        report(key, before != after["metadata"].get("resourceVersion"))
    objects.discovery.invalidate()


def _version(objects: Objects, key: ObjectKey) -> str | None:
    try:
        version = objects.get(key, metadata_only=True)["metadata"].get("resourceVersion")
    except UnknownKind:
        return None
    except AgentError as error:
        if error.reason == "NotFound":
            return None
        raise
    return str(version)
