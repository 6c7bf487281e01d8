"""Lists what an uninstallation removes and what it keeps.

The parts of an installation carry a label, so overlays, renamed objects and older versions are listed too. Deleting a CRD
deletes every custom resource of it, and deleting a Namespace everything inside. So CRDs stay while Applications of another
namespace exist, and a Namespace stays while it holds objects of another origin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, NotFound, UnknownKind
from gitops_agent.install.bundle import NAME, PART_OF, protected
from gitops_agent.manifest import kinds
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.marks import owner
from gitops_agent.preview.owned_objects import owned
from gitops_agent.sync.planning.dependants import GIVEN, UNCOUNTED

_INSTALLED = f"{PART_OF}={NAME}"
_CLUSTER_PARTS = (kinds.CRD, kinds.CLUSTER_ROLE_BINDING, kinds.CLUSTER_ROLE, kinds.NAMESPACE)
_PARTS = (
    kinds.DEPLOYMENT,
    kinds.DISRUPTION_BUDGET,
    GroupKind("networking.k8s.io", "NetworkPolicy"),
    kinds.SERVICE,
    kinds.CONFIG_MAP,
    kinds.SECRET,
    kinds.ROLE_BINDING,
    kinds.ROLE,
    kinds.SERVICE_MONITOR,
    kinds.PROMETHEUS_RULE,
    kinds.SERVICE_ACCOUNT,
)
_CLUSTER_COMPONENTS = (
    kinds.VALIDATING_POLICY_BINDING,
    kinds.VALIDATING_POLICY,
    kinds.FLOW_SCHEMA,
    kinds.PRIORITY_LEVEL,
)
_WITH_NAMESPACE = frozenset({kinds.SECRET})
"""Kinds that are removed with the Namespace: the credentials of repositories and notifiers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """An uninstallation that was not carried out yet.

    Attributes:
        installed: the parts of the installation that are removed, in this order.
        applications: the Applications that are removed, as they are live.
        policies: how many RolloutPolicies are removed with their CRD.
        owned: the marked objects of each Application.
        contents: what is removed with the Namespace beside the installation.
        strangers: objects of another origin, which keep the Namespace.
        elsewhere: Applications of other namespaces, which keep the CRDs and the cluster's roles.
        unseen: kinds that could not be listed, with the reason.
        managed_by: the Application by which Git manages the agent; None without one.
    """

    installed: tuple[ObjectKey, ...]
    applications: tuple[Object, ...]
    policies: int
    owned: Mapping[AppKey, tuple[Object, ...]]
    contents: tuple[ObjectKey, ...]
    strangers: tuple[ObjectKey, ...]
    elsewhere: tuple[AppKey, ...]
    unseen: Mapping[GroupKind, str]
    managed_by: Object | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is installed."""
        return not self.installed and not self.applications


def removal(access: ClusterClient, *, prune: bool) -> Removal:
    """The uninstallation of the client's namespace.

    Args:
        access: the cluster.
        prune: objects of Applications are removed too, so they do not keep the Namespace.

    Raises:
        AgentError: what is installed could not be read.
    """
    every = _listed(access, kinds.APPLICATION)
    applications = tuple(obj for obj in every if obj["metadata"]["namespace"] == access.namespace)
    elsewhere = tuple(_app_key(obj) for obj in every if obj["metadata"]["namespace"] != access.namespace)
    unseen: dict[GroupKind, str] = {}
    objects: dict[AppKey, tuple[Object, ...]] = {}
    parts = {key for key in _installed(access) if not (elsewhere and _is_shared(access, key))}
    managed_by = None
    for application in applications:
        ours, problems = owned(access, _app_key(application))
        if any(ObjectKey.of(obj) == kinds.DEPLOYMENT.named(access.namespace, NAME) for obj in ours):
            managed_by = application
        objects[_app_key(application)] = tuple(obj for obj in ours if not _goes_anyway(obj, parts, access.namespace))
        unseen |= problems
    contents, strangers = _contents(access, unseen, pruned=frozenset(objects) if prune else frozenset())
    installed = tuple(
        key
        for key in _installed(access)
        if not (elsewhere and _is_shared(access, key)) and not (strangers and key.group_kind == kinds.NAMESPACE)
    )
    return Removal(
        installed=installed,
        applications=applications,
        policies=0 if elsewhere else len(_listed(access, kinds.ROLLOUT_POLICY)),
        owned=objects,
        contents=() if strangers else contents,
        strangers=strangers,
        elsewhere=elsewhere,
        unseen=unseen,
        managed_by=managed_by,
    )


def _goes_anyway(obj: Object, parts: set[ObjectKey], namespace: str) -> bool:
    """Whether an object of an Application goes with the installation."""
    key = ObjectKey.of(obj)
    return key in parts or (key.group == kinds.GROUP and key.namespace == namespace)


def _installed(access: ClusterClient) -> Iterator[ObjectKey]:
    """The live parts, CRDs and Namespace before what lies in them."""
    parts = protected(access.namespace)
    for kind in (
        kinds.DEPLOYMENT,
        *_CLUSTER_PARTS[:1],
        kinds.NAMESPACE,
        *_CLUSTER_PARTS[1:3],
        *_CLUSTER_COMPONENTS,
        *_PARTS[1:],
    ):
        named = {key for key in parts if key.group_kind == kind and _exists(access, key)}
        for obj in _listed(access, kind, selector=_INSTALLED):
            key = ObjectKey.of(obj)
            if key.namespace in ("", access.namespace) and (kind != kinds.NAMESPACE or key.name == access.namespace):
                named.add(key)
        yield from sorted(named)


def _is_shared(access: ClusterClient, key: ObjectKey) -> bool:
    """Whether another installation may need this part."""
    if key.group_kind == kinds.CLUSTER_ROLE_BINDING:
        subjects = access.objects.get(key).get("subjects") or ()
        return any(subject.get("namespace") != access.namespace for subject in subjects)
    return key.group_kind in (kinds.CRD, kinds.CLUSTER_ROLE, *_CLUSTER_COMPONENTS)


def _contents(
    access: ClusterClient, unseen: dict[GroupKind, str], *, pruned: frozenset[AppKey]
) -> tuple[tuple[ObjectKey, ...], tuple[ObjectKey, ...]]:
    """Other objects of the Namespace: (removed with it, of another origin)."""
    contents: list[ObjectKey] = []
    strangers: list[ObjectKey] = []
    for resource in access.discovery.kinds():
        kind = resource.group_kind
        if not resource.namespaced or kind in UNCOUNTED or kind.group == kinds.GROUP:
            continue
        try:
            listing = access.objects.list(resource, namespace=access.namespace, metadata_only=True)
        except NotFound:
            continue
        except AgentError as error:
            unseen[kind] = str(error)
            continue
        for item in listing.items:
            obj = {**item, "apiVersion": resource.api_version, "kind": resource.kind}
            key, application = ObjectKey.of(obj), owner(obj)
            if _comes_along(obj) or (kind in _PARTS and key in protected(access.namespace)):
                continue
            if application in pruned:
                continue
            (contents if kind in _WITH_NAMESPACE and application is None else strangers).append(key)
    return tuple(sorted(contents)), tuple(sorted(strangers))


def _comes_along(obj: Object) -> bool:
    """Whether an object is installed, controlled, or made by Kubernetes."""
    metadata = obj["metadata"]
    if any(reference.get("controller") for reference in metadata.get("ownerReferences") or ()):
        return True
    key = ObjectKey.of(obj)
    label, _, value = _INSTALLED.partition("=")
    return (key.group, key.kind, key.name) in GIVEN or (metadata.get("labels") or {}).get(label) == value


def _listed(access: ClusterClient, kind: GroupKind, *, selector: str = "") -> list[Object]:
    try:
        resource = access.discovery.find(kind.group, kind.kind)
        return list(access.objects.list(resource, label_selector=selector).items)
    except (NotFound, UnknownKind):
        return []


def _exists(access: ClusterClient, key: ObjectKey) -> bool:
    try:
        access.objects.get(key, metadata_only=True)
    except (NotFound, UnknownKind):
        return False
    return True


def _app_key(application: Object) -> AppKey:
    return AppKey(str(application["metadata"]["namespace"]), str(application["metadata"]["name"]))
