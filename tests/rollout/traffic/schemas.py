"""The providers' own schemas, of the Go modules that publish them; each module is pinned by its hash."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from gitops_agent import process
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.progress import Silent
from gitops_agent.sandbox.toolchain import environment, find_go

LIMITS = process.Limits(seconds=200.0, memory_bytes=1 << 40)


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module, the hash Go gives its content, and the file in it."""

    name: str
    sum: str
    file: str


GATEWAY = "sigs.k8s.io/gateway-api@v1.4.0", "h1:ZwlNM6zOHq0h3WUX2gfByPs2yAEsy/EenYJB78jpQfQ="
STANDARD = "config/crd/standard/gateway.networking.k8s.io_"
ISTIO = Module(
    name="istio.io/api@v1.28.0",
    sum="h1:0fYY9G03CAdFwE/fCkpr0v7kKsy+Hz9OCCjLNBNLbnU=",
    file="kubernetes/customresourcedefinitions.gen.yaml",
)
SCHEMAS = {
    "HTTPRoute": Module(name=GATEWAY[0], sum=GATEWAY[1], file=f"{STANDARD}httproutes.yaml"),
    "GRPCRoute": Module(name=GATEWAY[0], sum=GATEWAY[1], file=f"{STANDARD}grpcroutes.yaml"),
    "VirtualService": ISTIO,
    "DestinationRule": ISTIO,
    "TraefikService": Module(
        name="github.com/traefik/traefik/v3@v3.6.12",
        sum="h1:6pe4s7aaDTQs+AsF7KP3sM/xnq7zOVvibRQe5tw9eFo=",
        file="docs/content/reference/dynamic-configuration/kubernetes-crd-definition-v1.yml",
    ),
    "TrafficSplit": Module(
        name="github.com/servicemeshinterface/smi-sdk-go@v0.5.0",
        sum="h1:9cZdhvGbGDlmnp9qqmcQL+RL6KZ3IzHfDLoA5Axg8n0=",
        file="crds/split.yaml",
    ),
}


@cache
def schema(kind: str) -> Object:
    """The CRD of a kind, as it is published; one of an API version that is no longer served is told anew."""
    module = SCHEMAS[kind]
    with tempfile.TemporaryDirectory(prefix="schemas-") as scratch:
        argv = (str(find_go(Silent())), "mod", "download", "-json", module.name)
        answer = json.loads(process.run(argv, cwd=Path(scratch), env=environment(), limits=LIMITS).stdout)
    assert answer["Sum"] == module.sum
    documents = yaml.safe_load_all((Path(answer["Dir"]) / module.file).read_text())
    found: Object = next(one for one in documents if one and one["spec"]["names"]["kind"] == kind)
    return found if found["apiVersion"] == "apiextensions.k8s.io/v1" else _of_today(found)


def _of_today(old: Object) -> Object:
    """In v1 every version has its schema, and a schema says of what type it is."""
    spec = {name: old["spec"][name] for name in ("group", "scope", "names")}
    body = {"type": "object", **old["spec"]["validation"]["openAPIV3Schema"]}
    versions = [{**one, "schema": {"openAPIV3Schema": body}} for one in old["spec"]["versions"]]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": old["kind"],
        "metadata": {"name": old["metadata"]["name"]},
        "spec": {**spec, "versions": versions},
    }
