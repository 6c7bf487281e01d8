"""A registry on loopback, with switches for every fault."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from gitops_agent.oci.reference import Reference
from tests.oci.artifacts import INDEX, Artifact, digest_of

_ROUTE = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags|referrers)/(?P<what>[^/]+)")


class Seen(list[tuple[str, str, str]]):
    """(method, path, Authorization) of each request."""

    @property
    def paths(self) -> list[str]:
        return [path for _, path, _ in self]

    @property
    def credentials(self) -> list[str]:
        return [authorization for _, _, authorization in self if authorization]


class FakeRegistry(ThreadingHTTPServer):
    """Serves what was pushed to it.

    Attributes:
        basic: user and password it asks for.
        bearer: the token it asks for, made by itself at `/token` unless `realm` says where.
        realm: where tokens are made.
        token_answer: what `/token` answers in place of a token.
        referrers: whether it has the API of referrers.
        page: tags on one page.
        link: answered in place of the next page's link.
        overrides: called for a path in place of the ordinary answer.
        redirect: where blobs are, in place of here.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manifests: dict[tuple[str, str], Artifact] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.blobs: dict[str, bytes] = {}
        self.basic: tuple[str, str] | None = None
        self.bearer = ""
        self.realm = ""
        self.token_answer: dict[str, Any] | None = None
        self.referrers = True
        self.page = 0
        self.link = ""
        self.redirect = ""
        self.overrides: dict[str, Callable[[_Handler], object]] = {}
        self.seen = Seen()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="registry")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def reference(self, name: str, host: str = "127.0.0.1") -> Reference:
        return Reference.parse(f"oci://{host}:{self.port}/{name}")

    def push(self, name: str, artifact: Artifact, *tags: str) -> str:
        """Stores an artifact; returns the digest of its manifest."""
        self.manifests[name, artifact.digest] = artifact
        self.blobs.update({digest_of(blob): blob for blob in artifact.blobs})
        self.tags.setdefault(name, {}).update(dict.fromkeys(tags, artifact.digest))
        return artifact.digest

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that cuts an answer off is part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeRegistry

    def do_GET(self) -> None:
        with contextlib.suppress(OSError):
            self._answer()
        self.close_connection = True

    do_HEAD = do_GET  # noqa: N815 - the name of the base class
    do_POST = do_GET  # noqa: N815 - likewise

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _answer(self) -> None:
        server = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = urlsplit(self.path).path
        authorization = self.headers.get("Authorization") or ""
        server.seen.append((self.command, self.path, authorization))
        override = server.overrides.get(path)
        if override is not None:
            override(self)
        elif path == "/token":
            self._token(body.decode(), authorization)
        elif server.bearer and authorization != f"Bearer {server.bearer}":
            realm = server.realm or f"{server.url}/token"
            self.say(401, WWW_Authenticate=f'Bearer realm="{realm}",service="tests",scope="repository:*:*"')
        elif server.basic and not server.bearer and authorization != _basic(server.basic):
            self.say(401, WWW_Authenticate='Basic realm="tests"')
        else:
            self._serve(path)

    def _token(self, body: str, authorization: str) -> None:
        server = self.server
        password = parse_qs(body).get("refresh_token", [""])[0]
        if server.basic and authorization != _basic(server.basic) and password != server.basic[1]:
            self.say(401)
        else:
            answer = {"token": server.bearer, "expires_in": 300} if server.token_answer is None else server.token_answer
            self.say(200, json.dumps(answer).encode())

    def _serve(self, path: str) -> None:
        server = self.server
        match = _ROUTE.fullmatch(path)
        if match is None:
            self.say(404)
            return
        name, kind, what = match.groups()
        if kind == "manifests":
            stored = server.manifests.get((name, server.tags.get(name, {}).get(what, what)))
            if stored is None:
                self.say(404)
            else:
                self.say(200, stored.manifest, Content_Type=stored.media_type, Docker_Content_Digest=stored.digest)
        elif kind == "blobs" and server.redirect:
            self.say(307, Location=f"{server.redirect}{path}")
        elif kind == "blobs":
            blob = server.blobs.get(what)
            self.say(200, blob) if blob is not None else self.say(404)
        elif kind == "referrers":
            self._referrers(name, what)
        else:
            self._tags(name)

    def _referrers(self, name: str, digest: str) -> None:
        if not self.server.referrers:
            self.say(404)
            return
        attached = []
        for (repository, _), stored in self.server.manifests.items():
            value = json.loads(stored.manifest)
            if repository == name and (value.get("subject") or {}).get("digest") == digest:
                more = {"artifactType": value.get("artifactType", ""), "annotations": value.get("annotations", {})}
                attached.append({**stored.descriptor, **more})
        self.say(200, json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": attached}).encode(), Content_Type=INDEX)

    def _tags(self, name: str) -> None:
        server = self.server
        if name not in server.tags:
            self.say(404)
            return
        tags = sorted(server.tags[name], reverse=True)
        last = parse_qs(urlsplit(self.path).query).get("last", [""])[0]
        start = tags.index(last) + 1 if last else 0
        page = tags[start : start + server.page] if server.page else tags
        following = f"</v2/{name}/tags/list?n={server.page}&last={page[-1]}>" if tags[start + len(page) :] else ""
        link = server.link or following
        headers = {"Link": f'{link}; rel="next"'} if link else {}
        self.say(200, json.dumps({"name": name, "tags": page}).encode(), **headers)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Tests print nothing."""


def _basic(credentials: tuple[str, str]) -> str:
    return "Basic " + base64.b64encode(":".join(credentials).encode()).decode()
