"""An OpenID Connect provider: its document, keys and tokens.

Every answer is bounded, no redirect is followed, and every address has to be https, or http on the own machine where the issuer
is such a one. The document is believed for an hour; keys are fetched again when a token names one that is not among them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import orjson

from gitops_agent.cluster.secrets import NO_SECRET, SecretContent, SecretReader
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import Request, basic
from gitops_agent.manifest.key import Object
from gitops_agent.server.oidc.id_token import SignInFailed
from gitops_agent.server.plain_text import plain

CLIENT_SECRET, AUTHORITY = "client-secret", "ca.crt"
"""Entries of the Secret."""
_DOCUMENT_BYTES = 256 * 1024
_SECONDS = 10.0
_KNOWN_SECONDS = 3600.0
_KEYS_AGAIN_SECONDS = 10.0
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What the discovery document says.

    Attributes:
        authorization: where browsers sign in.
        token: where codes are exchanged.
        keys: where the keys are.
        methods: how clients name themselves to the token endpoint.
        names_issuer: whether the provider names itself in its redirects (RFC 9207).
    """

    authorization: str
    token: str
    keys: str
    methods: frozenset[str]
    names_issuer: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What the provider and the dashboard know of each other.

    Attributes:
        issuer: the provider's name, which is its address.
        client: the dashboard's name at the provider.
        namespace: of the Secret.
        secret: the Secret with what the client proves itself by; empty for none.
        hosts: those that the sign-in may send to.
    """

    issuer: str
    client: str
    namespace: str = ""
    secret: str = ""
    hosts: AllowedHosts = ANYWHERE


class Provider:
    """A provider; thread-safe.

    Args:
        registration: which one, and as which client.
        secrets: reads the client's Secret.
    """

    def __init__(self, registration: Registration, secrets: SecretReader) -> None:
        self._registration, self._secrets = registration, secrets
        self._hosts = registration.hosts
        self._lock = threading.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, list[Object]] | None = None

    @property
    def issuer(self) -> str:
        """The provider's name."""
        return self._registration.issuer

    @property
    def client(self) -> str:
        """Our name at the provider."""
        return self._registration.client

    def metadata(self) -> Metadata:
        """What the discovery document says, up to an hour old.

        Raises:
            AgentError: the provider does not answer, or not as it should.
        """
        with self._lock:
            if self._metadata is None or time.monotonic() - self._metadata[0] > _KNOWN_SECONDS:
                self._metadata = (time.monotonic(), self._discover())
            return self._metadata[1]

    def keys(self, key_id: str) -> list[Object]:
        """The keys, among them that name if the provider has it.

        Raises:
            AgentError: likewise.
        """
        address = self.metadata().keys
        with self._lock:
            at, keys = self._keys or (float("-inf"), [])
            age = time.monotonic() - at
            missing = key_id != "" and all(key.get("kid") != key_id for key in keys)
            if age > _KNOWN_SECONDS or (missing and age > _KEYS_AGAIN_SECONDS):
                listed = self._json(address).get("keys")
                keys = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
                self._keys = (time.monotonic(), keys)
            return keys

    def exchange(self, code: str, *, verifier: str, redirect: str) -> str:
        """The ID token of a code.

        Raises:
            SignInFailed: the provider refuses the code.
            AgentError: it does not answer, or the Secret cannot be read.
        """
        metadata, secret = self.metadata(), self._secret()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        host = urlsplit(metadata.token).hostname or ""
        password = secret.sent_to(host).get(CLIENT_SECRET, b"").decode(errors="replace").strip()
        # Basic is the default (OpenID Connect Core, 9), and both parts are form-encoded first (RFC 6749, 2.3.1).
        if password and ("client_secret_basic" in metadata.methods or not metadata.methods):
            headers["Authorization"] = basic(quote_plus(self.client), quote_plus(password))
        elif password:
            form |= {"client_id": self.client, "client_secret": password}
        else:
            form |= {"client_id": self.client}
        status, answer = self._send("POST", metadata.token, headers=headers, body=urlencode(form).encode(), secret=secret)
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):  # noqa: PLR2004 - HTTP
            why = plain(str(answer.get("error") or f"status {status}"), 80)
            raise SignInFailed(f"{host} gave no ID token for the code: {why}")
        return token

    def _discover(self) -> Metadata:
        document = self._json(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != self.issuer:
            shown = plain(str(document.get("issuer")), 200)
            raise SignInFailed(f"the discovery document is of {shown}, and not of oidc.issuer {self.issuer}")
        methods = document.get("token_endpoint_auth_methods_supported")
        return Metadata(
            authorization=self._address(document, "authorization_endpoint"),
            token=self._address(document, "token_endpoint"),
            keys=self._address(document, "jwks_uri"),
            methods=frozenset(map(str, methods)) if isinstance(methods, list) else frozenset(),
            names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        )

    def _address(self, document: Mapping[str, Any], name: str) -> str:
        """An address of the document.

        Raises:
            SignInFailed: it is none, or not as safe as it has to be.
        """
        address = str(document.get(name) or "")
        try:
            parts = urlsplit(address)
            host = parts.hostname or ""
        except ValueError:
            parts, host = urlsplit(""), ""
        local = parts.scheme == "http" and host in _LOCAL and self.issuer.startswith("http:")
        safe = address.isascii() and address.isprintable() and " " not in address and "@" not in parts.netloc
        if not host or not safe or not (parts.scheme == "https" or local):
            raise SignInFailed(f"{name} in the discovery document of {self.issuer} is no https address")
        self._hosts.check(host)
        return address

    def _json(self, address: str) -> dict[str, Any]:
        status, answer = self._send("GET", address, headers={"Accept": "application/json"}, secret=self._secret())
        if status != 200:  # noqa: PLR2004 - HTTP
            raise SignInFailed(f"{address} answered with status {status}")
        return answer

    def _send(
        self, method: str, address: str, *, headers: Mapping[str, str], secret: SecretContent, body: bytes = b""
    ) -> tuple[int, dict[str, Any]]:
        client = HttpClient(timeout_seconds=_SECONDS, hosts=self._hosts)
        request = Request(method=method, url=address, headers=headers, body=body)
        answer = client.send(request, authority=secret.data.get(AUTHORITY, b""), longest=_DOCUMENT_BYTES)
        try:
            value = orjson.loads(answer.body) if answer.complete else None
        except orjson.JSONDecodeError:
            value = None
        return answer.status, value if isinstance(value, dict) else {}

    def _secret(self) -> SecretContent:
        name = self._registration.secret
        if not name:
            return NO_SECRET
        try:
            return self._secrets.read(self._registration.namespace, name)
        except AgentError as error:
            raise SignInFailed(f"the Secret of oidc.secret cannot be read: {error}") from error
