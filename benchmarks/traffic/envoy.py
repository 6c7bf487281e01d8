"""Envoy as a process, and its configuration as files.

Envoy reads clusters, endpoints and routes from files and notices when one is replaced (renamed over; writing in place would be
seen half-done). Whether it has really taken what was written is asked of itself, at its administration port: a version number
goes into each file, and `config_dump` shows which one is in force. A refusal shows in a counter and in the log only.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import time
from pathlib import Path
from typing import Any

from benchmarks.traffic.daemon import Daemon, ask, eventually
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.ports import free_ports

_ROUTES = "web"
_ROUTES_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
_MANAGER_TYPE = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
_ROUTER_TYPE = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
_REFUSALS = f"http.{_ROUTES}.rds.{_ROUTES}.update_rejected"
_READY_SECONDS = 20.0


class Refused(AgentError):
    """Envoy does not take a configuration."""

    reason = "Invalid"


def program() -> Path:
    """The executable: from the package of the extra `traffic`, else from PATH.

    Raises:
        AgentError: neither has it.
    """
    spec = importlib.util.find_spec("envoy")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (executable := Path(folder) / "_bin" / "envoy").is_file():
            return executable
    if on_path := shutil.which("envoy"):
        return Path(on_path)
    raise AgentError("there is no Envoy: install the extra 'traffic' of this package", reason="ToolMissing")


class Envoy:
    """One proxy with one listener.

    Args:
        directory: for its files and its log.
        port: it listens on, at 127.0.0.1.
    """

    def __init__(self, directory: Path, port: int) -> None:
        self.endpoints = directory / "endpoints"
        self.endpoints.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._port = port
        self._admin = free_ports(1)[0]
        self._contents: dict[Path, str] = {}
        self._versions: dict[Path, str] = {}
        self._version = 0
        self._refused = 0
        bootstrap = directory / "envoy.json"
        bootstrap.write_text(json.dumps(self._bootstrap(), indent=1))
        argv = (str(program()), "-c", str(bootstrap), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning")
        self._daemon = Daemon(argv, directory / "envoy.log")

    @property
    def pid(self) -> int | None:
        """Of its process, None while it is down."""
        return self._daemon.pid

    # Coming and going

    def start(self) -> None:
        """Starts it and returns once it takes requests.

        Raises:
            AgentError: it ended, or was not ready in time.
        """
        self._refused = 0
        self._daemon.start()
        eventually("Envoy is ready", self._ready, seconds=_READY_SECONDS, alive=self._daemon)

    def stop(self) -> None:
        """Ends it in good order."""
        self._daemon.stop()

    def kill(self) -> None:
        """Kills it at once."""
        self._daemon.kill()

    # Configuration

    def write_endpoints(self, file: str, assignment: Object) -> bool:
        """Replaces the endpoints of one cluster; False when unchanged."""
        return bool(self._write(self.endpoints / file, [assignment]))

    def write_clusters(self, clusters: list[Object]) -> str:
        """Replaces the clusters; returns the version now in force."""
        return self._write(self._directory / "clusters.json", clusters) or self._versions[self._directory / "clusters.json"]

    def write_routes(self, virtual_hosts: list[Object]) -> str:
        """Replaces all routes; the version as above."""
        path = self._directory / "routes.json"
        config = {
            "@type": _ROUTES_TYPE,
            "name": _ROUTES,
            "virtual_hosts": virtual_hosts,
            "ignore_port_in_host_matching": True,
        }
        if self._contents.get(path) != _content([config]):
            self._refused = self._refusals()
        return self._write(path, [config]) or self._versions[path]

    def has_clusters(self, names: set[str]) -> bool:
        """Whether all these clusters take requests."""
        return names <= {str(cluster["cluster"]["name"]) for cluster in self._dump("dynamic_active_clusters")}

    def has_routes(self, version: str) -> bool:
        """Whether the routes of a version are in force.

        Raises:
            Refused: they will not be.
        """
        if any(config.get("version_info") == version for config in self._dump("dynamic_route_configs")):
            return True
        if self._refusals() > self._refused:
            raise Refused(f"Envoy refuses the routes: {self._daemon.last_words().rpartition('rejected: ')[2]}")
        return False

    def _write(self, path: Path, resources: list[Object]) -> str:
        """Replaces a file; its new version, empty when unchanged."""
        content = _content(resources)
        if self._contents.get(path) == content:
            return ""
        self._version += 1
        version = f"{time.time_ns()}-{self._version}"
        draft = path.with_suffix(".draft")
        draft.write_text(f'{{"version_info": "{version}", "resources": {content}}}\n')
        draft.replace(path)
        self._contents[path], self._versions[path] = content, version
        return version

    # Its administration

    def _ready(self) -> bool:
        try:
            return self._ask("/ready").strip() == b"LIVE"
        except OSError:
            return False

    def _dump(self, resource: str) -> list[Any]:
        """A part of its configuration; empty when it gives no answer."""
        try:
            return list(json.loads(self._ask(f"/config_dump?resource={resource}")).get("configs") or [])
        except (OSError, ValueError):
            return []

    def _refusals(self) -> int:
        """How often it has refused routes since it was started."""
        try:
            return int(self._ask(f"/stats?filter={_REFUSALS}").split()[-1])
        except (OSError, ValueError, IndexError):
            return 0

    def _ask(self, path: str) -> bytes:
        return ask(self._admin, path)[1]

    def _bootstrap(self) -> Object:
        def file(name: str) -> Object:
            return {"resource_api_version": "V3", "path_config_source": {"path": str(self._directory / f"{name}.json")}}

        def address(port: int) -> Object:
            return {"socket_address": {"address": "127.0.0.1", "port_value": port}}

        manager = {
            "@type": _MANAGER_TYPE,
            "stat_prefix": _ROUTES,
            "rds": {"route_config_name": _ROUTES, "config_source": file("routes")},
            "http_filters": [{"name": "router", "typed_config": {"@type": _ROUTER_TYPE}}],
        }
        listener = {
            "name": _ROUTES,
            "address": address(self._port),
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        }
        return {
            "node": {"id": "traffic", "cluster": "traffic"},
            "admin": {"address": address(self._admin)},
            "static_resources": {"listeners": [listener]},
            "dynamic_resources": {"cds_config": file("clusters")},
        }


def _content(resources: list[Object]) -> str:
    return json.dumps(resources, sort_keys=True)
