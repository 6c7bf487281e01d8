"""Objects of other GitOps tools, whose kinds are served for one test."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, NotFound
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import CRD
from gitops_agent.sync.planning.other_tools import KUSTOMIZATION
from tests.sync.samples import thing
from tests.waiting import eventually


def definition(kind: GroupKind) -> Object:
    names = {"kind": kind.kind, "plural": f"{kind.kind.lower()}s", "singular": kind.kind.lower()}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {
        "group": kind.group,
        "scope": "Namespaced",
        "names": names,
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
    }
    metadata = {"name": f"{names['plural']}.{kind.group}"}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": CRD.kind, "metadata": metadata, "spec": spec}


@contextlib.contextmanager
def owner(objects: Objects, key: ObjectKey, spec: Object) -> Iterator[ObjectKey]:
    """An object of another tool, whose kind is served meanwhile."""
    crd = objects.apply(definition(key.group_kind))["metadata"]["name"]
    metadata = {"name": key.name, "namespace": key.namespace}
    body = {"apiVersion": f"{key.group}/v1", "kind": key.kind, "metadata": metadata, "spec": spec}

    def served() -> bool:
        objects.discovery.invalidate()
        with contextlib.suppress(AgentError):
            return bool(objects.apply(body))
        return False

    eventually(served, what=f"{crd} is served")
    yield key
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd}"
    objects.transport.request("DELETE", path)

    def gone() -> bool:
        with contextlib.suppress(NotFound):
            return not objects.transport.request("GET", path)
        return True

    eventually(gone, what=f"{crd} is gone")


@contextlib.contextmanager
def flux(objects: Objects, namespace: str) -> Iterator[ObjectKey]:
    """An active Kustomization of Flux that manages the ConfigMap `web`."""
    with owner(objects, KUSTOMIZATION.named(namespace, "apps"), {"suspend": False}) as key:
        web = thing("ConfigMap", "web", namespace=namespace, data={"by": "flux"})
        web["metadata"]["labels"] = {f"{key.group}/name": key.name, f"{key.group}/namespace": key.namespace}
        objects.apply(web, field_manager="kustomize-controller")
        yield key
