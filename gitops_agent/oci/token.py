"""Access tokens of registries.

A registry says where its tokens are made, so a false one could name a server of its own and receive the password. Tokens
are therefore requested at the registry's own origin only, at a service that is known to belong to it, or at one that the user
names. They are for the one repository and for pulling, whatever the registry proposes.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import quote, urlencode, urlsplit

import orjson

from gitops_agent.errors import SourceError
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import DeliveryError, Request
from gitops_agent.oci.login import Login
from gitops_agent.oci.reference import Reference, is_loopback

_CHALLENGE = re.compile(r"[ \t]*+(?P<scheme>Basic|Bearer)(?![^ \t,])", re.IGNORECASE)
_PARAMETER = re.compile(r'[ \t,]*+([A-Za-z_]++)[ \t]*+=[ \t]*+(?:"((?:[^"\\]|\\.)*+)"|([^\s",]++))')
_LONGEST_CHALLENGE = 8192
_TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{1,65536}\Z")
_SHORTEST_LIFE_SECONDS = 60.0
_LONGEST_LIFE_SECONDS = 3600.0
_MARGIN_SECONDS = 30.0
_MOST = 1000
_CLIENT = "gitops-agent"

AUTH_HOSTS: Mapping[str, str] = {
    "docker.io": "auth.docker.io",
    "registry.gitlab.com": "gitlab.com",
    "registry.redhat.io": "sso.redhat.com",
    "registry.digitalocean.com": "api.digitalocean.com",
}
"""Services that make the tokens of public registries, by the registries' names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """What a registry asks for.

    Attributes:
        scheme: `basic` or `bearer`; empty when it is neither.
        realm: where tokens are made.
        service: the registry's name there.
    """

    scheme: str
    realm: str = ""
    service: str = ""

    @classmethod
    def parse(cls, header: str) -> Challenge:
        """The first challenge that this client can answer."""
        header = header[:_LONGEST_CHALLENGE]
        match = _CHALLENGE.match(header)
        if match is None:
            return cls(scheme="")
        values: dict[str, str] = {}
        position = match.end()
        while (pair := _PARAMETER.match(header, position)) is not None:
            values.setdefault(pair[1].lower(), re.sub(r"\\(.)", r"\1", pair[2]) if pair[2] is not None else pair[3])
            position = pair.end()
        return cls(scheme=match["scheme"].lower(), realm=values.get("realm", ""), service=values.get("service", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    text: str = field(repr=False)
    until: float


class Tokens:
    """Tokens by repository and credentials; thread-safe.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[tuple[Reference, Login], _Token] = {}

    def get(self, reference: Reference, login: Login) -> str:
        """A token that is valid for a while; empty without one."""
        with self._lock:
            token = self._tokens.get((reference, login))
        return token.text if token is not None and self._clock() < token.until else ""

    def forget(self, reference: Reference, login: Login) -> None:
        """Drops a token that was refused."""
        with self._lock:
            self._tokens.pop((reference, login), None)

    def ask(self, reference: Reference, login: Login, challenge: Challenge, http: HttpClient) -> str:
        """A new token, which is kept.

        Raises:
            SourceError: reason `RegistryRefused` where the token is made at a strange place, `AuthenticationFailed`
                when it is refused, `SourceUnavailable` without an answer.
        """
        _check(reference, login, challenge.realm)
        service = {"service": challenge.service} if challenge.service else {}
        scope = f"repository:{reference.repository}:pull"
        url = challenge.realm
        if login.identity_token:
            fields = {"grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": login.identity_token}
            body = urlencode({**fields, **service, "scope": scope}).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            request = Request(method="POST", url=url, headers=headers, body=body)
        else:
            query = urlencode({**service, "scope": scope}, quote_via=quote)
            headers = {"Authorization": login.basic} if login.basic else {}
            url = f"{url}{'&' if '?' in url else '?'}{query}"
            request = Request(method="GET", url=url, headers=headers, body=b"")
        token = self._asked(reference, login, request, http)
        with self._lock:
            while len(self._tokens) >= _MOST:
                del self._tokens[next(iter(self._tokens))]
            self._tokens[reference, login] = token
        return token.text

    def _asked(self, reference: Reference, login: Login, request: Request, http: HttpClient) -> _Token:
        host = urlsplit(request.url).hostname
        try:
            answer = http.send(request, authority=login.ca, secret=login.hosts)
        except DeliveryError as error:
            text = f"{reference}: no token: {error}"
            raise SourceError(text, reason="SourceUnavailable", transient=error.transient, failure="unavailable") from None
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            text = f"{reference}: no token: {host} answers with status {answer.status}"
            raise SourceError(text, reason="SourceUnavailable", transient=True, failure="unavailable")
        if answer.status != HTTPStatus.OK:
            whose = "requests without credentials" if login.anonymous else "these credentials"
            raise SourceError(
                f"{reference}: {host} gives no token to {whose} (status {answer.status}): the repository does not exist, or it "
                "may not be read with them",
                reason="AuthenticationFailed",
                failure="credentials",
                status=answer.status,
            )
        try:
            body = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            body = None
        fields = body if isinstance(body, dict) else {}
        token = fields.get("token") or fields.get("access_token")
        if not isinstance(token, str) or not _TOKEN.match(token):
            raise SourceError(
                f"{reference}: the answer of {host} holds no token",
                reason="SourceUnavailable",
                transient=True,
                failure="answer",
            )
        seconds = fields.get("expires_in")
        life = float(seconds) if isinstance(seconds, int | float) and not isinstance(seconds, bool) else _SHORTEST_LIFE_SECONDS
        life = min(life, _LONGEST_LIFE_SECONDS)
        return _Token(text=token, until=self._clock() + life - min(_MARGIN_SECONDS, life / 2))


def _check(reference: Reference, login: Login, realm: str) -> None:
    """Accepts the address of a token service."""
    try:
        parts = urlsplit(realm)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    host = (parts.hostname or "").rstrip(".")
    secure = parts.scheme == "https"
    local = parts.scheme == "http" and reference.loopback and is_loopback(host)
    if not host or parts.username is not None or parts.fragment or not (secure or local):
        text = f"{reference}: the registry names no https address where its tokens are made"
        raise SourceError(text, reason="RegistryRefused")
    default = 443 if secure else 80
    name = f"[{host}]" if ":" in host else host
    authority = name if port in (None, default) else f"{name}:{port}"
    own = reference.authority.removesuffix(f":{default}")
    if authority not in (own, AUTH_HOSTS.get(reference.authority), *(each.lower() for each in login.token_hosts)):
        raise SourceError(
            f"{reference}: {reference.authority} asks for the password at {authority}: list {authority} in `hosts` beside the "
            "repository if that is right",
            reason="RegistryRefused",
            host=authority,
        )
