"""A dashboard on a socket, with Applications of a test."""

from __future__ import annotations

import http.client
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from gitops_agent.server.answers.call import Service
from gitops_agent.server.http.app import Dashboard
from gitops_agent.server.http.event_stream import EventStreams
from gitops_agent.server.http.headers import Origins
from gitops_agent.server.http.sessions import cookies, signed_out
from gitops_agent.server.http_server import REQUEST_SECONDS, HttpServer
from gitops_agent.server.listening import listen
from gitops_agent.server.plan_cache import PlanCache
from gitops_agent.server.rights import Rights
from gitops_agent.server.rows import Rows
from gitops_agent.server.source import ClusterSource
from gitops_agent.server.viewer import Viewer

EVERYTHING = frozenset({(verb, "applications") for verb in ("get", "list", "patch")})


@dataclass
class KnownViewers:
    """Sessions whose cookie is the name of a viewer."""

    access: ClusterClient
    rights: dict[str, Rights] = field(default_factory=dict)
    mode: str = "token"
    issuer: str = ""

    def viewer(self, headers: Mapping[str, str]) -> Viewer:
        name = cookies(headers).get("viewer", "")
        if name not in self.rights:
            raise signed_out("sign in first")
        viewer = Viewer(user=name, groups=(), mode="token", access=self.access, digest=name)
        viewer._rights[self.rights[name].namespace] = (math.inf, self.rights[name])
        return viewer

    def sign_in(self, token: str) -> tuple[Viewer, list[str]]:
        return self.viewer({"cookie": f"viewer={token}"}), [f"viewer={token}; Path=/; HttpOnly; SameSite=Strict"]

    def sign_out(self) -> list[str]:
        return ["viewer=; Max-Age=0"]


@dataclass(frozen=True)
class Reply:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """The running dashboard."""

    source: ClusterSource
    viewers: KnownViewers
    streams: EventStreams
    port: int

    def put(self, *objects: Object) -> None:
        for obj in objects:
            self.source.take("Application", "MODIFIED", obj)

    def remove(self, obj: Object) -> None:
        self.source.take("Application", "DELETED", obj)

    def ask(self, method: str, path: str, *, viewer: str | None = "admin", body: bytes | None = None, **headers: str) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        sent = {"Cookie": f"viewer={viewer}"} if viewer else {}
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    @contextmanager
    def stream(
        self, topics: str = "rows", *, last: str = "", viewer: str = "admin", path: str = "/api/v1/stream?topics="
    ) -> Iterator[Events]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Cookie": f"viewer={viewer}"} | ({"Last-Event-ID": last} if last else {})
        try:
            connection.request("GET", path + topics, headers=headers)
            yield Events(connection.getresponse())
        finally:
            connection.close()


@dataclass
class Events:
    """The events of a stream, one after the other."""

    answer: http.client.HTTPResponse
    last: str = ""

    def next(self) -> tuple[str, Any]:
        """The next event: its name and its data."""
        name, data = "", ""
        while True:
            line = self.answer.readline().decode()
            if not line:
                return "closed", None
            field_, _, value = line.strip().partition(": ")
            if field_ == "id":
                self.last = value
            elif field_ == "event":
                name = value
            elif field_ == "data":
                data = value
            elif not line.strip() and name:
                return name, json.loads(data)


@contextmanager
def served(
    folder: Path, *objects: Object, request_seconds: float = REQUEST_SECONDS, api: str = "http://127.0.0.1:1"
) -> Iterator[Served]:
    """A dashboard with Applications; its API server is away, unless named."""
    kubeconfig = write_kubeconfig(folder / "away", server=api, authority=b"", user="u", token="t")
    access = ClusterClient.open(str(kubeconfig), None, "gitops")
    source = ClusterSource(access)
    source.replace("Application", list(objects))
    rows = Rows(source.application, source.policy)
    streams = EventStreams(rows, source.applications)
    service = Service(source=source, rows=rows, plans=PlanCache(), mode="laptop", cluster="test", viewers=lambda: streams.count)
    viewers = KnownViewers(access, {"admin": Rights(namespace="gitops", allowed=EVERYTHING)})
    dashboard = Dashboard(service, viewers, Origins(), streams)
    socket = listen("127.0.0.1", 0, setting="dashboard")
    server = HttpServer(dashboard, socket, name="http-ui", request_seconds=request_seconds)
    server.start()
    try:
        yield Served(source, viewers, streams, server.port)
    finally:
        dashboard.stop()
        server.stop()
