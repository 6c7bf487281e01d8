"""The goldens against the real schemas, where the Go module cache has them (`go mod download` brings them there)."""

from __future__ import annotations

import contextlib
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops_agent.errors import Conflict
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.rollout.traffic.cases import NAMES, case
from tests.waiting import eventually

CACHE = Path(os.environ.get("GOMODCACHE") or Path.home() / "go" / "pkg" / "mod")
SCHEMAS = {
    "HTTPRoute": ("sigs.k8s.io/gateway-api@v*/config/crd/standard/*_httproutes.yaml", "httproutes"),
    "GRPCRoute": ("sigs.k8s.io/gateway-api@v*/config/crd/standard/*_grpcroutes.yaml", "grpcroutes"),
    "VirtualService": ("istio.io/api@v*/kubernetes/customresourcedefinitions.gen.yaml", "virtualservices"),
    "DestinationRule": ("istio.io/api@v*/kubernetes/customresourcedefinitions.gen.yaml", "destinationrules"),
    "TraefikService": ("github.com/traefik/traefik/v3@v*/docs/**/kubernetes-crd-definition-v1.yml", "traefikservices"),
    "TrafficSplit": ("github.com/servicemeshinterface/smi-sdk-go@v*/crds/split.yaml", "trafficsplits"),
}


def install(plane: ControlPlane, kind: str) -> str:
    pattern, plural = SCHEMAS[kind]
    files = sorted(CACHE.glob(pattern))
    if not files:
        pytest.skip(f"no schema of {kind} in the Go module cache: {pattern}")
    schema = next(one for one in yaml.safe_load_all(files[-1].read_text()) if one["spec"]["names"]["kind"] == kind)
    if schema["apiVersion"] != "apiextensions.k8s.io/v1":
        pytest.skip(f"the schema of {kind} is of an API version that is no longer served")
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    with contextlib.suppress(Conflict):
        plane.request("POST", path, schema)

    def established() -> bool:
        found: dict[str, Any] = plane.request("GET", f"{path}/{schema['metadata']['name']}")
        return any(each["type"] == "Established" and each["status"] == "True" for each in found["status"].get("conditions", []))

    eventually(established, seconds=30)
    return plural


@pytest.mark.cluster
@pytest.mark.parametrize("name", NAMES)
def test_what_is_sent_is_valid(name: str, control_plane: ControlPlane, namespace: str) -> None:
    for obj in case(name).expected:
        plural = "ingresses" if obj["kind"] == "Ingress" else install(control_plane, obj["kind"])
        obj["metadata"]["namespace"] = namespace
        path = f"/apis/{obj['apiVersion']}/namespaces/{namespace}/{plural}?dryRun=All&fieldValidation=Strict"

        sent = eventually(partial(control_plane.request, "POST", path, obj), seconds=20)
        assert sent["kind"] == obj["kind"]
