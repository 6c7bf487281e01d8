"""The gateway controller's route statuses, with real API and proxy."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.traffic.attachment import CONTROLLER
from benchmarks.traffic.controller import Controller
from benchmarks.traffic.envoy import Envoy
from benchmarks.traffic.schemas import gateway_schemas
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.ports import free_ports
from gitops_agent.toolchain.progress import Silent
from tests.waiting import eventually

GROUP = "gateway.networking.k8s.io"

pytestmark = pytest.mark.cluster


class Cluster:
    """An administrator with a Gateway and its controller."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self.namespace, self.port = namespace, free_ports(1)[0]
        self.transport = Transport.from_kubeconfig(plane.kubeconfig)
        self.objects = Objects(self.transport, Discovery(self.transport), field_manager="cluster-admin")
        for schema in gateway_schemas(Silent()):
            self.objects.apply(schema)
        eventually(self._served)
        name = f"c-{uuid.uuid4().hex[:8]}"
        listener = {"name": "web", "port": self.port, "protocol": "HTTP"}
        self._apply("GatewayClass", name, {"controllerName": CONTROLLER}, namespaced=False)
        self._apply("Gateway", "edge", {"gatewayClassName": name, "listeners": [listener]})
        self.envoy = Envoy(folder, self.port)
        self.controller = Controller(
            self.transport, self.objects.discovery, self.envoy, class_name=name, address="127.0.0.1", port=self.port
        )
        self.controller.prepare()
        self.envoy.start()
        self.controller.start()

    def close(self) -> None:
        self.controller.stop()
        self.envoy.stop()
        self.transport.close()

    def route(self, *rules: Object) -> None:
        """Applies the route."""
        self._apply("HTTPRoute", "web", {"parentRefs": [{"name": "edge"}], "rules": list(rules)})

    def service(self, name: str) -> None:
        """Applies a Service without pods."""
        spec = {"ports": [{"port": 80}], "selector": {"app": name}}
        self.objects.apply(
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": self.namespace}, "spec": spec}
        )

    def conditions(self, kind: str = "HTTPRoute", name: str = "web") -> dict[str, tuple[str, str]]:
        """Status and reason by type, of the newest generation only."""
        obj = self.objects.get(ObjectKey(GROUP, kind, self.namespace, name))
        status: dict[str, Any] = obj.get("status") or {}
        conditions = (
            status.get("conditions") if kind == "Gateway" else [c for p in status.get("parents") or [] for c in p["conditions"]]
        )
        newest = obj["metadata"]["generation"]
        return {c["type"]: (c["status"], c["reason"]) for c in conditions or [] if c.get("observedGeneration") == newest}

    def _served(self) -> bool:
        self.objects.discovery.invalidate(GROUP)
        return {"GatewayClass", "Gateway", "HTTPRoute"} <= {kind.kind for kind in self.objects.discovery.kinds()}

    def _apply(self, kind: str, name: str, spec: Object, *, namespaced: bool = True) -> None:
        metadata = {"name": name, **({"namespace": self.namespace} if namespaced else {})}
        obj = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": metadata, "spec": spec}

        eventually(lambda: self.objects.apply(obj))


@pytest.fixture
def cluster(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Cluster]:
    new_cluster = Cluster(control_plane, namespace, tmp_path)
    yield new_cluster
    new_cluster.close()


def _becomes(look: Callable[[], dict[str, tuple[str, str]]], **expected: tuple[str, str]) -> None:
    eventually(lambda: look() == expected, what=str(expected))


def test_a_route_is_accepted_once_the_proxy_has_it(cluster: Cluster) -> None:
    cluster.service("web")
    cluster.route({"backendRefs": [{"name": "web", "port": 80}]})

    _becomes(cluster.conditions, Accepted=("True", "Accepted"), ResolvedRefs=("True", "ResolvedRefs"))
    assert cluster.envoy.has_clusters({f"{cluster.namespace}/web/80"})
    _becomes(lambda: cluster.conditions("Gateway", "edge"), Accepted=("True", "Accepted"), Programmed=("True", "Programmed"))


def test_a_service_that_comes_later_resolves_the_route(cluster: Cluster) -> None:
    cluster.route({"backendRefs": [{"name": "web", "port": 80}]})
    _becomes(cluster.conditions, Accepted=("True", "Accepted"), ResolvedRefs=("False", "BackendNotFound"))

    cluster.service("web")
    _becomes(cluster.conditions, Accepted=("True", "Accepted"), ResolvedRefs=("True", "ResolvedRefs"))


def test_while_the_proxy_is_down_no_route_is_said_to_be_in_force(cluster: Cluster) -> None:
    cluster.service("web")
    cluster.route({"backendRefs": [{"name": "web", "port": 80}]})
    _becomes(cluster.conditions, Accepted=("True", "Accepted"), ResolvedRefs=("True", "ResolvedRefs"))

    cluster.envoy.kill()
    cluster.route({"backendRefs": [{"name": "web", "port": 80, "weight": 7}]})
    with pytest.raises(AssertionError):
        eventually(cluster.conditions, seconds=1)

    cluster.envoy.start()
    _becomes(cluster.conditions, Accepted=("True", "Accepted"), ResolvedRefs=("True", "ResolvedRefs"))


def test_a_route_the_proxy_refuses_is_not_accepted(cluster: Cluster) -> None:
    path = {"type": "RegularExpression", "value": "/("}
    cluster.route({"matches": [{"path": path}]})

    _becomes(cluster.conditions, Accepted=("False", "UnsupportedValue"), ResolvedRefs=("True", "ResolvedRefs"))
