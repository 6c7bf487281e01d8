"""Requests to one repository of a registry, and what its answers mean.

Decisions:
- Credentials go to the registry's own origin and to its token service. A redirect is followed for blobs alone, to https, and
  without credentials once it leaves that origin.
- A registry that asks for patience (429) is left alone by everything that uses the same credentials there, until the time it
  names. Nothing waits: an earlier request gets a transient error with the rest of the pause.
- An answer that is no success is never an empty result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import SplitResult, urljoin, urlsplit

from gitops_agent.errors import SourceError
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.httpclient.client import ANSWER_BYTES, HttpClient
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.httpclient.retry_after import retry_after
from gitops_agent.oci.login import ANONYMOUS, Login
from gitops_agent.oci.reference import Reference, is_loopback
from gitops_agent.oci.token import Challenge, Tokens

_PAUSE_SECONDS = 60.0
"""After a 429 that names none."""
_MOST_PAUSES = 1000
_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_ATTEMPTS = 2


class Registries:
    """What all requests to registries share; thread-safe.

    Args:
        hosts: those the administrator allows.
        timeout_seconds: for one request.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        *,
        hosts: AllowedHosts = ANYWHERE,
        timeout_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.tokens = Tokens(clock=clock)
        self.hosts, self.timeout_seconds = hosts, timeout_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._pauses: dict[tuple[str, Login], float] = {}

    def pause(self, authority: str, login: Login, seconds: float) -> None:
        """Leaves a registry alone for a while."""
        with self._lock:
            while len(self._pauses) >= _MOST_PAUSES:
                del self._pauses[next(iter(self._pauses))]
            self._pauses[authority, login] = self._clock() + seconds

    def paused(self, authority: str, login: Login) -> float:
        """Seconds for which a registry is left alone; 0 for none."""
        with self._lock:
            return max(0.0, self._pauses.get((authority, login), 0.0) - self._clock())


class Registry:
    """Reads one repository; thread-safe.

    Args:
        reference: which.
        login: its credentials.
        shared: tokens and pauses.
    """

    def __init__(self, reference: Reference, login: Login = ANONYMOUS, *, shared: Registries) -> None:
        self.reference, self._login, self._shared = reference, login, shared
        secure = not reference.loopback or bool(login.ca)
        self._api = reference.api(secure=secure)
        self._basic = False

    def get(
        self,
        path: str,
        *,
        accept: Sequence[str] = (),
        longest: int = ANSWER_BYTES,
        method: str = "GET",
        redirects: bool = False,
    ) -> Answer:
        """The answer to a request below the repository's part of the API.

        Args:
            path: below it, such as `manifests/v1`; from `/v2/` on where it begins with a slash.
            accept: media types.
            longest: bytes of the body that are read at most.
            method: `GET` or `HEAD`.
            redirects: whether a redirect is followed.

        Returns:
            An answer with status 200, or 404.

        Raises:
            SourceError: the registry refuses, redirects, cannot be reached or asks for patience.
        """
        url = urljoin(self._api, path) if path.startswith("/") else f"{self._api}/{path}"
        headers = {"Accept": ", ".join(accept)} if accept else {}
        for attempt in range(_ATTEMPTS):
            authorization = self._authorization()
            answer = self._send(method, url, headers | authorization, longest)
            if answer.status != HTTPStatus.UNAUTHORIZED:
                break
            self._shared.tokens.forget(self.reference, self._login)
            if attempt == 0:
                self._challenged(answer)
        for _ in range(_MOST_REDIRECTS if redirects else 0):
            if answer.status not in _REDIRECTS:
                break
            url = self._target(url, answer)
            own = _origin(urlsplit(url)) == _origin(urlsplit(self._api))
            answer = self._send(method, url, headers | (self._authorization() if own else {}), longest)
        return self._judged(answer, url)

    def _authorization(self) -> dict[str, str]:
        token = self._login.bearer_token or self._shared.tokens.get(self.reference, self._login)
        value = f"Bearer {token}" if token else self._login.basic if self._basic else ""
        return {"Authorization": value} if value else {}

    def _challenged(self, answer: Answer) -> None:
        """Prepares what the registry asks for."""
        challenge = Challenge.parse(answer.headers.get("www-authenticate", ""))
        if self._login.bearer_token:
            return
        if challenge.scheme == "bearer":
            http = HttpClient(timeout_seconds=self._shared.timeout_seconds, hosts=self._shared.hosts)
            self._shared.tokens.ask(self.reference, self._login, challenge, http)
        elif challenge.scheme == "basic" and self._login.basic:
            self._basic = True

    def _send(self, method: str, url: str, headers: Mapping[str, str], longest: int) -> Answer:
        authority = self.reference.authority
        if (pause := self._shared.paused(authority, self._login)) > 0:
            raise self._unavailable(f"{authority} asked for patience, for {pause:.0f} s more", retry_after=pause)
        http = HttpClient(timeout_seconds=self._shared.timeout_seconds, hosts=self._shared.hosts)
        secret = self._login.hosts if "Authorization" in headers else ANYWHERE
        request = Request(method=method, url=url, headers=headers, body=b"")
        try:
            answer = http.send(request, authority=self._login.ca, secret=secret, longest=longest)
        except DeliveryError as error:
            raise self._unavailable(str(error), transient=error.transient) from None
        if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
            seconds = retry_after(answer.headers, datetime.now(UTC))
            pause = _PAUSE_SECONDS if seconds is None else seconds
            self._shared.pause(authority, self._login, pause)
            raise self._unavailable(f"{authority} asks for patience, for {pause:.0f} s", retry_after=pause)
        return answer

    def _target(self, url: str, answer: Answer) -> str:
        """Where a redirect leads."""
        try:
            parts = urlsplit(target := urljoin(url, answer.headers.get("location", "")))
            host = parts.hostname or ""
            _ = parts.port
        except ValueError:
            parts, host, target = urlsplit(""), "", ""
        local = parts.scheme == "http" and self.reference.loopback and is_loopback(host)
        if not host or not (parts.scheme == "https" or local):
            raise SourceError(
                f"{self.reference}: {self.reference.authority} redirects to an address that is not https",
                reason="RegistryRefused",
            )
        return target

    def _judged(self, answer: Answer, url: str) -> Answer:
        status, host = answer.status, urlsplit(url).hostname
        if status in (HTTPStatus.OK, HTTPStatus.NOT_FOUND):
            return answer
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            given = "requests without credentials" if self._login.anonymous else "these credentials"
            raise SourceError(
                f"{self.reference}: {host} does not let {given} read it (status {status})",
                reason="AuthenticationFailed",
                failure="credentials",
                status=status,
            )
        if status in _REDIRECTS:
            text = f"{self.reference}: {host} redirects, which is followed for blobs alone, and three times at most"
            raise SourceError(text, reason="RegistryRefused", status=status)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            pause = retry_after(answer.headers, datetime.now(UTC))
            raise self._unavailable(f"{host} answers with status {status}", retry_after=pause)
        raise SourceError(f"{self.reference}: {host} answers with status {status}", reason="SourceFailed", status=status)

    def _unavailable(self, text: str, *, transient: bool = True, retry_after: float | None = None) -> SourceError:
        facts = {} if retry_after is None else {"retry_after": retry_after}
        return SourceError(
            f"{self.reference}: {text}", reason="SourceUnavailable", transient=transient, failure="unavailable", **facts
        )


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    return parts.scheme, (parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80)
