"""Translates Gateway API objects to Envoy, and reports confirmed status.

One thread does everything: the watches only put down what they saw and wake it. Clusters and endpoints are written before the
routes that use them, and a cluster stays as long as its Service, so no request is ever sent to one that is not there yet or no
longer. A route's conditions follow once Envoy has said that it has the routes of that version.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.traffic.attachment import CONTROLLER, class_status, gateway_status, ours, parents, route_status, same
from benchmarks.traffic.backendref import Cluster, Problem
from benchmarks.traffic.endpoints import addresses, assignment, definition
from benchmarks.traffic.envoy import Envoy, Refused
from benchmarks.traffic.translation import Translation, Verdict, translate
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch, WatchOptions
from gitops_agent.errors import AgentError, Conflict, NotFound
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.observe.log import logger

_KINDS = (
    ("gateway.networking.k8s.io", "GatewayClass"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("gateway.networking.k8s.io", "HTTPRoute"),
    ("", "Service"),
    ("discovery.k8s.io", "EndpointSlice"),
)
_SYNC_SECONDS = 30.0
_TAKEN_SECONDS = 5.0
_AGAIN_SECONDS = 0.5
_LOOK_SECONDS = 0.01
_log = logger("traffic")


class _Feed:
    """Hands what a watch of one kind reads to the controller."""

    def __init__(self, controller: Controller, kind: str) -> None:
        self._controller, self._kind = controller, kind

    def on_sync(self, objects: list[Any], _resource_version: str) -> None:
        self._controller.replace(self._kind, objects)

    def on_event(self, kind: str, obj: Object) -> None:
        self._controller.take(self._kind, kind, obj)

    def on_error(self, error: AgentError) -> None:
        _log.warning("blind", error=str(error))


class Controller:
    """The Gateway controller.

    Args:
        transport: the API server.
        discovery: its kinds; those of the Gateway API must be served.
        envoy: the proxy to configure.
        class_name: of the GatewayClass whose Gateways are ours.
        address: Envoy's, for the Gateways' status.
        port: likewise.
    """

    def __init__(
        self, transport: Transport, discovery: Discovery, envoy: Envoy, *, class_name: str, address: str, port: int
    ) -> None:
        self._objects = Objects(transport, discovery, field_manager="traffic-gateway")
        self._envoy = envoy
        self._class_name, self._address, self._port = class_name, address, port
        self._seen: dict[str, dict[tuple[str, str], Object]] = {kind: {} for _, kind in _KINDS}
        self._lock = threading.Lock()
        self._wake, self._ended = threading.Event(), threading.Event()
        self._clusters: set[Cluster] = set()
        self._watches = [
            Watch(
                transport,
                discovery.find(group, kind),
                _Feed(self, kind),
                options=WatchOptions(name=f"traffic-{kind}"),
            )
            for group, kind in _KINDS
        ]
        self._thread = threading.Thread(target=self._run, name="traffic-gateway", daemon=True)

    def prepare(self) -> None:
        """Starts to watch, and writes the proxy's first configuration.

        For a proxy that starts after it.

        Raises:
            AgentError: the API server cannot list the objects.
        """
        for watch in self._watches:
            watch.start()
        deadline = time.monotonic() + _SYNC_SECONDS
        for watch in self._watches:
            if not watch.synced.wait(max(0.0, deadline - time.monotonic())):
                raise AgentError(f"{watch.resource.full_name} could not be listed", reason="NotSeen", transient=True)
        self._write(self._translation())

    def start(self) -> None:
        """Starts to follow changes; once, after `prepare`."""
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        """Ends."""
        self._ended.set()
        self._wake.set()
        for watch in self._watches:
            watch.stop()
        if self._thread.is_alive():
            self._thread.join(_TAKEN_SECONDS)

    # What is seen

    def replace(self, kind: str, objects: list[Any]) -> None:
        """Takes in a whole list of a kind."""
        with self._lock:
            self._seen[kind] = {_key(obj): obj for obj in objects}
        self._wake.set()

    def take(self, kind: str, event: str, obj: Object) -> None:
        """Takes in one event of a kind."""
        with self._lock:
            if event == "DELETED":
                self._seen[kind].pop(_key(obj), None)
            else:
                self._seen[kind][_key(obj)] = obj
        self._wake.set()

    def _all(self, kind: str) -> dict[tuple[str, str], Object]:
        with self._lock:
            return dict(self._seen[kind])

    # What is done

    def _run(self) -> None:
        while not self._ended.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._ended.is_set():
                return
            try:
                self._turn()
            except AgentError as error:
                _log.warning("turn failed", error=str(error))
                self._ended.wait(_AGAIN_SECONDS)
                self._wake.set()
            except Exception:  # noqa: BLE001 - the judge must not end in silence
                _log.exception("turn failed")
                self._ended.wait(_AGAIN_SECONDS)
                self._wake.set()

    def _turn(self) -> None:
        routes = self._all("HTTPRoute")
        gateways = ours(self._all("Gateway").values(), self._class_name)
        attached = {key: parents(route, gateways) for key, route in routes.items()}
        translation = self._translate(routes, attached)
        version = self._write(translation)
        refused: Problem | None = None
        try:
            self._await(lambda: self._envoy.has_routes(version), "the routes")
        except Refused as error:
            refused = Problem(reason="UnsupportedValue", message=str(error)[:1000])
        self._tell_classes()
        for gateway in gateways.values():
            self._report(gateway, gateway_status(gateway, self._address, self._port))
        for key, route in routes.items():
            if attached[key]:
                verdict = translation.verdicts.get(key, Verdict())
                combined = Verdict(accepted=verdict.accepted or refused, resolved=verdict.resolved)
                known = (route.get("status") or {}).get("parents") or []
                others = [parent for parent in known if parent.get("controllerName") != CONTROLLER]
                self._report(route, route_status(route, attached[key], combined, others))

    def _translation(self) -> Translation:
        routes = self._all("HTTPRoute")
        gateways = ours(self._all("Gateway").values(), self._class_name)
        return self._translate(routes, {key: parents(route, gateways) for key, route in routes.items()})

    def _translate(
        self, routes: dict[tuple[str, str], Object], attached: dict[tuple[str, str], list[tuple[Object, Problem | None]]]
    ) -> Translation:
        taken = [route for key, route in routes.items() if any(refusal is None for _, refusal in attached[key])]
        return translate(taken, self._all("Service"))

    def _write(self, translation: Translation) -> str:
        """Writes everything in order; the version of the routes."""
        services = self._all("Service")
        kept = {candidate for candidate in self._clusters if (candidate.namespace, candidate.service) in services}
        self._clusters = kept | translation.clusters
        slices = self._all("EndpointSlice").values()
        for cluster in self._clusters:
            self._envoy.write_endpoints(cluster.file, assignment(cluster, addresses(cluster, slices)))
        folder = str(self._envoy.endpoints)
        self._envoy.write_clusters([definition(cluster, folder) for cluster in sorted(self._clusters)])
        names = {cluster.name for cluster in translation.clusters}
        if self._envoy.pid is not None:
            self._await(lambda: self._envoy.has_clusters(names), "the clusters")
        return self._envoy.write_routes(translation.virtual_hosts)

    def _await(self, taken: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _TAKEN_SECONDS
        while not taken():
            if time.monotonic() > deadline or self._ended.is_set():
                raise AgentError(f"Envoy does not have {what}", reason="NotSeen", transient=True)
            self._ended.wait(_LOOK_SECONDS)

    def _tell_classes(self) -> None:
        for value in self._all("GatewayClass").values():
            if (value.get("spec") or {}).get("controllerName") == CONTROLLER:
                self._report(value, class_status(value))

    def _report(self, obj: Object, status: Object) -> None:
        """Writes a status that says something else than before."""
        live = obj.get("status") or {}
        if same({name: live.get(name) for name in status}, status):
            return
        version = {"metadata": {"resourceVersion": obj["metadata"]["resourceVersion"]}, "status": status}
        with contextlib.suppress(NotFound, Conflict):
            # A conflict: the object has changed meanwhile, the watch reports it, and the next turn writes about the new one.
            self._objects.merge_patch(ObjectKey.of(obj), version, subresource="status")


def _key(obj: Object) -> tuple[str, str]:
    metadata = obj["metadata"]
    return (str(metadata.get("namespace") or ""), str(metadata["name"]))
