"""A Gateway API route, and a controller of its parent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from gitops_agent.errors import ClusterError, NotFound, Unavailable
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.rollout import WEB
from tests.rollout.traffic.schemas import install
from tests.waiting import eventually

GROUP = "gateway.networking.k8s.io"
API = f"{GROUP}/v1"
ROUTED: Object = {"provider": "gatewayAPI", "routes": [{"kind": "HTTPRoute", "name": WEB}]}
PARENT = {"name": "edge"}


def route(name: str = WEB, *services: str, port: int = 80, prefix: str = "/") -> Object:
    """A route of Services (`web` by default), one rule each."""
    rules = [
        {
            "matches": [{"path": {"type": "PathPrefix", "value": prefix}}],
            "backendRefs": [{"name": service, "port": port, "weight": 1}],
        }
        for service in services or (WEB,)
    ]
    spec: Object = {"parentRefs": [PARENT], "hostnames": [f"{name}.example.com"], "rules": rules}
    return {"apiVersion": API, "kind": "HTTPRoute", "metadata": {"name": name}, "spec": spec}


def served(made: Object) -> list[Object]:
    """The rules of a route with the API server's defaults."""
    defaults = {"group": "", "kind": "Service"}
    return [{**rule, "backendRefs": [{**defaults, **ref} for ref in rule["backendRefs"]]} for rule in made["spec"]["rules"]]


def weights(route: Object | None) -> dict[str, int]:
    """The weights of the first rule's backends."""
    rules = ((route or {}).get("spec") or {}).get("rules") or [{}]
    return {str(ref["name"]): int(ref.get("weight", 1)) for ref in rules[0].get("backendRefs") or ()}


def define(plane: ControlPlane) -> None:
    """Installs the CRD of HTTPRoutes, with a shared schema, if missing."""
    install(plane, "HTTPRoute")
    eventually(lambda: plane.request("GET", f"/apis/{API}/httproutes"), what="HTTPRoutes are served")


class Controller:
    """Accepts a namespace's routes at once, unless deaf; refusals fail the test.

    Within a tenth of a second.
    """

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        define(plane)
        self.plane, self.namespace = plane, namespace
        self.deaf = threading.Event()
        self._refused: list[ClusterError] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join(10)
        if self._refused:
            raise self._refused[0]

    def _run(self) -> None:
        while not self._stop.wait(0.1):
            if self.deaf.is_set():
                continue
            try:
                for item in self.plane.request("GET", self._path())["items"]:
                    if self._behind(item):
                        self._accept(item)
            except (NotFound, Unavailable):
                continue  # The route has just gone, or the API server is away.
            except ClusterError as error:
                self._refused.append(error)

    def _path(self, name: str = "") -> str:
        return f"/apis/{API}/namespaces/{self.namespace}/httproutes{name}"

    @staticmethod
    def _behind(http_route: Object) -> bool:
        parents = (http_route.get("status") or {}).get("parents") or [{"conditions": []}]
        generations = [condition.get("observedGeneration") for condition in parents[0]["conditions"]]
        return not generations or generations[0] != http_route["metadata"]["generation"]

    def _accept(self, http_route: Object) -> None:
        seen = http_route["metadata"]["generation"]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        template = {"status": "True", "observedGeneration": seen, "lastTransitionTime": now, "message": "taken"}
        conditions = [{"type": sort, "reason": sort, **template} for sort in _SORTS]
        parents = [
            {"parentRef": ref, "controllerName": "example.com/edge", "conditions": conditions} for ref in _parents(http_route)
        ]
        patch = {"status": {"parents": parents}}
        path = self._path(f"/{http_route['metadata']['name']}/status")
        self.plane.request("PATCH", path, patch, content_type="application/merge-patch+json")


_SORTS = ("Accepted", "ResolvedRefs")


def _parents(http_route: Object) -> Iterator[Any]:
    yield from http_route["spec"].get("parentRefs") or ()
