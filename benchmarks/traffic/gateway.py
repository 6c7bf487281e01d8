"""The gateway traffic goes through: Envoy, driven by the Gateway API's objects."""

from __future__ import annotations

import contextlib
import functools
from pathlib import Path

from benchmarks.traffic.attachment import CONTROLLER
from benchmarks.traffic.controller import Controller
from benchmarks.traffic.daemon import eventually
from benchmarks.traffic.envoy import Envoy
from benchmarks.traffic.schemas import gateway_schemas
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.toolchain.progress import Progress

ADDRESS, PORT = "127.0.0.1", 8000
"""Of the only listener; Gateways of the class `CLASS` have theirs there."""

CLASS = "traffic"
"""The GatewayClass the stage makes."""

NAMESPACE, NAME = "gateway", "edge"
"""The Gateway the stage makes: one HTTP listener `web` on `PORT`, open to routes of all namespaces."""

_GROUP = "gateway.networking.k8s.io"
_SECONDS = 30.0


class Gateway:
    """Envoy and the controller that configures it from HTTPRoutes.

    Args:
        transport: the API server.
        discovery: its kinds.
        directory: for configuration and logs.
        progress: receives what has to be fetched.

    Attributes:
        url: `http://127.0.0.1:PORT`.
    """

    def __init__(self, transport: Transport, discovery: Discovery, directory: Path, *, progress: Progress) -> None:
        self.url = f"http://{ADDRESS}:{PORT}"
        self._transport, self._discovery = transport, discovery
        self._objects = Objects(transport, discovery, field_manager="traffic")
        self._progress = progress
        self._envoy = Envoy(directory / "envoy", PORT)
        self._controller: Controller | None = None

    @property
    def pid(self) -> int | None:
        """Of the proxy's process, None while it is down."""
        return self._envoy.pid

    def start(self) -> None:
        """Starts the controller and the proxy, or the proxy again.

        The first time with the CRDs and the Gateway; returns once it takes requests.

        A route is in force when its status says so.

        Raises:
            AgentError: the CRDs cannot be had, or the proxy was not ready in time.
        """
        first = self._controller is None
        if self._controller is None:
            self._install()
            self._controller = Controller(
                self._transport, self._discovery, self._envoy, class_name=CLASS, address=ADDRESS, port=PORT
            )
            self._controller.prepare()
        self._envoy.start()
        if first:
            self._controller.start()
            eventually("the Gateway is programmed", self._programmed, seconds=_SECONDS)

    def kill(self) -> None:
        """Kills the proxy at once; the controller keeps running.

        It goes on once the proxy is started again.
        """
        self._envoy.kill()

    def stop(self) -> None:
        """Ends both."""
        if self._controller is not None:
            self._controller.stop()
        self._envoy.stop()

    def _install(self) -> None:
        for schema in gateway_schemas(self._progress):
            self._objects.apply(schema)
        eventually("the Gateway API is served", self._served, seconds=_SECONDS)
        for obj in (_CLASS, _NAMESPACE, _GATEWAY):
            eventually(f"{obj['kind']} is taken", functools.partial(self._applied, obj), seconds=_SECONDS)

    def _served(self) -> bool:
        self._discovery.invalidate(_GROUP)
        kinds = {kind.kind for kind in self._discovery.kinds() if kind.group == _GROUP}
        return {"GatewayClass", "Gateway", "HTTPRoute"} <= kinds

    def _applied(self, obj: Object) -> bool:
        """Retries an apply, as a new kind may be listed before served."""
        with contextlib.suppress(NotFound):
            self._objects.apply(obj)
            return True
        return False

    def _programmed(self) -> bool:
        gateway = self._objects.get(ObjectKey(_GROUP, "Gateway", NAMESPACE, NAME))
        conditions = (gateway.get("status") or {}).get("conditions") or []
        return any(condition["type"] == "Programmed" and condition["status"] == "True" for condition in conditions)


_CLASS: Object = {
    "apiVersion": f"{_GROUP}/v1",
    "kind": "GatewayClass",
    "metadata": {"name": CLASS},
    "spec": {"controllerName": CONTROLLER},
}
_NAMESPACE: Object = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
_GATEWAY: Object = {
    "apiVersion": f"{_GROUP}/v1",
    "kind": "Gateway",
    "metadata": {"name": NAME, "namespace": NAMESPACE},
    "spec": {
        "gatewayClassName": CLASS,
        "listeners": [{"name": "web", "port": PORT, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}],
    },
}
