"""Viewers by their own Kubernetes token, kept in their cookie.

Problem: sessions on the server are lost with it, and a library for JSON Web Tokens checks less than the API server does.
Decision: the API server reviews the token (TokenReview), so ServiceAccounts and OIDC work as they do for kubectl, and the
cookie is the session: it survives restarts and failovers. A verdict is believed for a minute.
"""

from __future__ import annotations

import base64
import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

import orjson

from gitops_agent.cluster.bearer import as_bearer
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import CLI_MANAGER
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.server.destination_rights import DestinationRights, Destinations
from gitops_agent.server.http.sessions import cookies, signed_out
from gitops_agent.server.viewer import Viewer

COOKIE = "__Host-gitops-agent"
_CHUNK = 3_800
_CHUNKS = 2
_VERDICT_SECONDS = 60.0
_VIEWERS = 200
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Strict"


class TokenSessions:
    """Signs in who has a token of the cluster.

    Args:
        transport: to the API server, as the agent: reviews tokens and nothing else.
        namespace: of the agent.
        audiences: that a token must be for; those of the API server when empty.
        destinations: where Applications deploy to, if that shows them.
        provider: the address of the provider whose ID tokens are the tokens; empty where they are pasted.
    """

    def __init__(
        self,
        transport: Transport,
        namespace: str,
        *,
        audiences: tuple[str, ...] = (),
        destinations: Destinations | None = None,
        provider: str = "",
    ) -> None:
        self.mode, self.issuer = "oidc" if provider else "token", urlsplit(provider).netloc
        self._transport, self._namespace, self._audiences = transport, namespace, audiences
        self._destinations = destinations
        self._discovery = Discovery(transport)
        self._lock = threading.Lock()
        self._viewers: OrderedDict[str, tuple[float, Viewer]] = OrderedDict()

    def viewer(self, headers: Mapping[str, str]) -> Viewer:
        """The viewer of the cookie, or of a bearer token."""
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            jar = cookies(headers)
            token = "".join(jar.get(name, "") for name in _names())
        if not token.strip():
            raise signed_out(f"sign in at {self.issuer}" if self.issuer else "sign in with a Kubernetes token")
        return self._reviewed(token.strip())

    def sign_in(self, token: str) -> tuple[Viewer, list[str]]:
        """Reviews a token, and hands it to the browser to keep."""
        token = token.strip()
        viewer = self._reviewed(token)
        chunks = [token[start : start + _CHUNK] for start in range(0, _CHUNKS * _CHUNK, _CHUNK)]
        return viewer, [
            f"{name}={chunk}; {_ATTRIBUTES}" + ("" if chunk else "; Max-Age=0")
            for name, chunk in zip(_names(), chunks, strict=True)
        ]

    def sign_out(self) -> list[str]:
        """Removes the cookie."""
        return [f"{name}=; {_ATTRIBUTES}; Max-Age=0" for name in _names()]

    def _reviewed(self, token: str) -> Viewer:
        digest = hashlib.sha256(token.encode()).hexdigest()
        with self._lock:
            at, viewer = self._viewers.get(digest, (0.0, None))
        if viewer is not None and time.monotonic() - at < _VERDICT_SECONDS:
            return viewer
        info = self._review(token)
        user, groups = str(info.get("username") or ""), tuple(str(group) for group in info.get("groups") or ())
        if viewer is None or (viewer.user, viewer.groups) != (user, groups):
            transport = as_bearer(self._transport, token)
            objects = Objects(transport, self._discovery, field_manager=CLI_MANAGER)
            access = ClusterClient(transport, self._discovery, objects, self._namespace)
            viewer = Viewer(
                user=user,
                groups=groups,
                mode=self.mode,
                access=access,
                digest=digest,
                expires=_expiry(token),
                destinations=DestinationRights(self._destinations, access) if self._destinations is not None else None,
            )
        with self._lock:
            self._viewers[digest] = (time.monotonic(), viewer)
            self._viewers.move_to_end(digest)
            while len(self._viewers) > _VIEWERS:
                self._viewers.popitem(last=False)
        return viewer

    def _review(self, token: str) -> Object:
        """What the API server says of a token.

        Raises:
            RequestProblem: 401, it is not accepted.
            AgentError: the API server does not say.
        """
        spec: Object = {"token": token} | ({"audiences": list(self._audiences)} if self._audiences else {})
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
        answer = self._transport.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body=body)
        status = (answer or {}).get("status") or {}
        if not status.get("authenticated"):
            with self._lock:
                self._viewers.pop(hashlib.sha256(token.encode()).hexdigest(), None)
            raise signed_out("the API server does not accept the token, or not any more: sign in with another one")
        info = status.get("user")
        return info if isinstance(info, dict) else {}


def _names() -> tuple[str, ...]:
    return (COOKIE, *(f"{COOKIE}-{number}" for number in range(1, _CHUNKS)))


def _expiry(token: str) -> str:
    """When a token says that it expires; only shown, never trusted."""
    parts = token.split(".")
    try:
        claims = orjson.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return timestamp(datetime.fromtimestamp(float(claims["exp"]), UTC))
    except (IndexError, ValueError, KeyError, TypeError, OverflowError, OSError):
        return ""
