"""Exchanges a GitHub App's key for the token that reads one repository.

A token lives for an hour. It is kept and renewed at 70 % of its life, so a poll costs no request. It can read the contents of
this repository and nothing else, whatever else the App may do. The API judges the claim by its own clock: an answer
that refuses it and shows another time is the reason for one more attempt, dated by that time.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from gitops_agent.errors import AgentError, SourceError
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.httpclient.retry_after import retry_after
from gitops_agent.source.github_app import GitHubApp
from gitops_agent.source.repository import Repository

_RENEWED_AT = 0.7
_SKEW_SECONDS = 30.0
_LONGEST_LIFE_SECONDS = 3600.0
_MOST_TOKENS = 1000
_LIMITED = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
_REFUSALS: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "the API does not accept the key of {app}: compare githubAppID and githubAppPrivateKey",
    HTTPStatus.FORBIDDEN: "{app} may not read it: its installation is suspended, or lacks the permission contents: read",
    HTTPStatus.NOT_FOUND: "{app} is not installed for this repository, or githubAppInstallationID is of another one",
    HTTPStatus.UNPROCESSABLE_ENTITY: "the installation of {app} has no access to it, or lacks the permission contents: read",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    text: str
    app: GitHubApp
    renewed_at: float


class InstallationTokens:
    """Tokens of the repositories that Apps read; thread-safe.

    Args:
        clock: seconds since 1970.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens: dict[str, _Token] = {}

    def token(self, repository: Repository, app: GitHubApp, *, authority: str = "") -> str:
        """The token for a repository; asks the API when none is kept.

        Args:
            repository: what it reads.
            app: who reads.
            authority: PEM of the authority to believe instead of the machine's.

        Raises:
            SourceError: reason `AuthenticationFailed` when the API refuses the App, `SourceUnavailable` without an answer.
        """
        owner, name = app.check(repository)
        with self._lock:
            kept = self._tokens.get(repository.id)
        if kept is not None and kept.app == app and self._clock() < kept.renewed_at:
            return kept.text
        exchange = _Exchange(app, repository, authority.encode(), self._clock)
        installation = app.installation or exchange.installation(owner, name)
        text, seconds = exchange.token(installation, name)
        fresh = _Token(text=text, app=app, renewed_at=self._clock() + seconds * _RENEWED_AT)
        with self._lock:
            self._tokens[repository.id] = fresh
            while len(self._tokens) > _MOST_TOKENS:
                del self._tokens[next(iter(self._tokens))]
        return text

    def forget(self, repository: Repository) -> None:
        """Drops a token that was refused, or whose repository is unused."""
        with self._lock:
            self._tokens.pop(repository.id, None)


class _Exchange:
    """The requests of one exchange."""

    def __init__(self, app: GitHubApp, repository: Repository, authority: bytes, clock: Callable[[], float]) -> None:
        self._app, self._repository, self._authority, self._clock = app, repository, authority, clock
        self._skew = 0.0

    def installation(self, owner: str, name: str) -> str:
        """The number of the App's installation that sees a repository."""
        body = self._ask("GET", f"/repos/{owner}/{name}/installation", b"")
        number = body.get("id")
        if not isinstance(number, int) or isinstance(number, bool):
            raise self._failed("its API answered without the id of an installation")
        return str(number)

    def token(self, installation: str, name: str) -> tuple[str, float]:
        """A token and the seconds it lives."""
        scope = json.dumps({"repositories": [name], "permissions": {"contents": "read"}}).encode()
        body = self._ask("POST", f"/app/installations/{installation}/access_tokens", scope)
        token, ends = body.get("token"), body.get("expires_at")
        if not isinstance(token, str) or not token or not token.isprintable() or not isinstance(ends, str):
            raise self._failed("its API answered without a token")
        try:
            end = datetime.fromisoformat(ends)
        except ValueError:
            raise self._failed("its API answered without the end of the token") from None
        seconds = end.replace(tzinfo=end.tzinfo or UTC).timestamp() - self._clock() - self._skew
        return token, min(max(0.0, seconds), _LONGEST_LIFE_SECONDS)

    def _ask(self, method: str, path: str, body: bytes) -> Mapping[str, object]:
        answer = self._send(method, path, body)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            skew = _skew(answer, self._clock())
            if abs(skew - self._skew) > _SKEW_SECONDS:
                self._skew = skew
                answer = self._send(method, path, body)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.CREATED}:
            raise self._refused(answer)
        try:
            value = json.loads(answer.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._failed("its API answered with something else than JSON")
        return value

    def _send(self, method: str, path: str, body: bytes) -> Answer:
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self._app.assertion(self._clock() + self._skew)}",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        request = Request(method=method, url=f"{self._app.api}{path}", headers=headers, body=body)
        try:
            return HttpClient().send(request, authority=self._authority)
        except DeliveryError as error:
            raise self._failed(str(error)) from None

    def _refused(self, answer: Answer) -> AgentError:
        wait = retry_after(answer.headers, datetime.fromtimestamp(self._clock(), UTC))
        limited = answer.status in _LIMITED and (wait is not None or answer.headers.get("x-ratelimit-remaining") == "0")
        if limited or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._failed(f"its API answered with status {answer.status}", retry_after=wait)
        text = _REFUSALS.get(answer.status, "the API answers {app} with status {status}")
        return SourceError(
            f"{self._repository}: {text.format(app=f'GitHub App {self._app.id}', status=answer.status)}",
            reason="AuthenticationFailed",
            failure="credentials",
            status=answer.status,
        )

    def _failed(self, text: str, *, retry_after: float | None = None) -> SourceError:
        facts = {} if retry_after is None else {"retry_after": retry_after}
        return SourceError(
            f"{self._repository}: no token for GitHub App {self._app.id}: {text}",
            reason="SourceUnavailable",
            transient=True,
            failure="unavailable",
            **facts,
        )


def _skew(answer: Answer, now: float) -> float:
    """Seconds the API's clock is ahead; 0 when unknown."""
    try:
        date = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return 0.0
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
