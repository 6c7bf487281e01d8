"""Backends of a route: their validity and their Envoy cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gitops_agent.manifest.key import Object

INVALID = "invalid"
"""The cluster that is never there: Envoy answers 500 for the share of traffic that is sent to it."""

Services = Mapping[tuple[str, str], Object]
"""All Services by namespace and name."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Cluster:
    """A port of a Service, as a group of endpoints.

    Attributes:
        namespace: of the Service.
        service: its name.
        port: its number.
        port_name: the port's name there; empty without one. EndpointSlices go by it.
    """

    namespace: str
    service: str
    port: int
    port_name: str

    @property
    def name(self) -> str:
        """As Envoy knows it."""
        return f"{self.namespace}/{self.service}/{self.port}"

    @property
    def file(self) -> str:
        """As a file's name."""
        return f"{self.namespace}_{self.service}_{self.port}.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a route is not accepted, or a backend not resolved.

    Attributes:
        reason: as the Gateway API names it.
        message: for people.
    """

    reason: str
    message: str


def resolve(ref: Object, namespace: str, services: Services) -> Cluster | Problem:
    """The cluster of a route's backendRef, or the reason for none."""
    name = str(ref.get("name") or "")
    if (ref.get("group") or "") != "" or (ref.get("kind") or "Service") != "Service":
        return Problem(reason="InvalidKind", message=f"{name} is a {ref.get('kind')}: only Services are known here")
    wanted = str(ref.get("namespace") or namespace)
    if wanted != namespace:
        return Problem(reason="RefNotPermitted", message=f"the Service {wanted}/{name} is in another namespace")
    service = services.get((namespace, name))
    if service is None:
        return Problem(reason="BackendNotFound", message=f"there is no Service {namespace}/{name}")
    ports = (service.get("spec") or {}).get("ports") or []
    port = next((entry for entry in ports if entry.get("port") == ref.get("port")), None)
    if port is None:
        return Problem(reason="BackendNotFound", message=f"the Service {namespace}/{name} has no port {ref.get('port')}")
    return Cluster(namespace=namespace, service=name, port=int(port["port"]), port_name=str(port.get("name") or ""))
