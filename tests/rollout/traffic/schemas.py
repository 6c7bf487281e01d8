"""The providers' own schemas, of the Go modules that publish them."""

from __future__ import annotations

import contextlib
from functools import cache
from typing import Any

import yaml

from benchmarks.published import GATEWAY_API, GATEWAY_CRDS, ISTIO, SMI, TRAEFIK
from gitops_agent.errors import Conflict
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.toolchain.progress import Silent
from tests.waiting import eventually

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

_ISTIO_CRDS = "kubernetes/customresourcedefinitions.gen.yaml"
SCHEMAS = {
    "HTTPRoute": (GATEWAY_API, GATEWAY_CRDS.format(plural="httproutes")),
    "GRPCRoute": (GATEWAY_API, GATEWAY_CRDS.format(plural="grpcroutes")),
    "VirtualService": (ISTIO, _ISTIO_CRDS),
    "DestinationRule": (ISTIO, _ISTIO_CRDS),
    "TraefikService": (TRAEFIK, "docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml"),
    "TrafficSplit": (SMI, "crds/split.yaml"),
}


@cache
def schema(kind: str) -> Object:
    """The published CRD of a kind, converted to v1 where older."""
    module, file = SCHEMAS[kind]
    documents = yaml.safe_load_all((module.folder(Silent()) / file).read_bytes())
    crd: Object = next(document for document in documents if document and document["spec"]["names"]["kind"] == kind)
    return crd if crd["apiVersion"] == "apiextensions.k8s.io/v1" else _of_today(crd)


def install(plane: ControlPlane, kind: str) -> str:
    """Installs the CRD of a kind unless installed; returns its plural."""
    definition = copy(schema(kind))
    with contextlib.suppress(Conflict):
        plane.request("POST", DEFINITIONS, definition)

    def established() -> bool:
        live_crd: dict[str, Any] = plane.request("GET", f"{DEFINITIONS}/{definition['metadata']['name']}")
        return any(
            each["type"] == "Established" and each["status"] == "True" for each in live_crd["status"].get("conditions", [])
        )

    eventually(established)
    return str(definition["spec"]["names"]["plural"])


def _of_today(old: Object) -> Object:
    """Converts a CRD to v1: a typed schema for every version."""
    spec = {name: old["spec"][name] for name in ("group", "scope", "names")}
    body = {"type": "object", **old["spec"]["validation"]["openAPIV3Schema"]}
    versions = [{**version, "schema": {"openAPIV3Schema": body}} for version in old["spec"]["versions"]]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": old["kind"],
        "metadata": {"name": old["metadata"]["name"]},
        "spec": {**spec, "versions": versions},
    }
