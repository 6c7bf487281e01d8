"""Who sends a request, however they signed in."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Protocol

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.operations.identity import username
from gitops_agent.server.http.problems import RequestProblem
from gitops_agent.server.viewer import Viewer


class Sessions(Protocol):
    """Finds the viewer of a request; blocks."""

    mode: str
    """As in the answer of `me`."""

    issuer: str
    """The host of the provider at which viewers sign in; empty where there is none."""

    def viewer(self, headers: Mapping[str, str]) -> Viewer:
        """The viewer of a request.

        Raises:
            RequestProblem: 401, there is no session.
            AgentError: the API server does not say.
        """

    def sign_in(self, token: str) -> tuple[Viewer, list[str]]:
        """The viewer of a token, and the cookies to set.

        Raises:
            RequestProblem: 401, the token is not accepted.
        """

    def sign_out(self) -> list[str]:
        """The cookies that end the session."""


class LaptopSessions:
    """The user of the kubeconfig; a code opens one session.

    The code is good once: what a history or a screenshot shows opens nothing any more.

    Args:
        access: the cluster as the user.
    """

    mode = "laptop"
    issuer = ""

    def __init__(self, access: ClusterClient) -> None:
        self._access = access
        self._code = secrets.token_urlsafe(24)
        self._session = secrets.token_urlsafe(32)
        self._viewer: Viewer | None = None
        self.cookie = f"gitops-agent-{secrets.token_hex(4)}"

    @property
    def code(self) -> str:
        """The code of the address."""
        return self._code

    def viewer(self, headers: Mapping[str, str]) -> Viewer:
        """The user, for the browser that has the cookie."""
        if not _equal(cookies(headers).get(self.cookie, ""), self._session):
            raise signed_out("open the address that `gitops-agent dashboard` printed")
        return self._user()

    def sign_in(self, token: str) -> tuple[Viewer, list[str]]:
        """Exchanges the code for the cookie, once."""
        if not self._code or not _equal(token, self._code):
            raise signed_out("the code of this address is used up or wrong: start `gitops-agent dashboard` again")
        self._code = ""
        return self._user(), [f"{self.cookie}={self._session}; Path=/; HttpOnly; SameSite=Strict"]

    def sign_out(self) -> list[str]:
        """Ends the session of this browser."""
        return [f"{self.cookie}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"]

    def _user(self) -> Viewer:
        if self._viewer is None:
            user, groups = who(self._access)
            self._viewer = Viewer(user=user, groups=groups, mode="laptop", access=self._access, digest="laptop")
        return self._viewer


def who(access: ClusterClient) -> tuple[str, tuple[str, ...]]:
    """User and groups of some credentials, as the API server knows them."""
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = access.transport.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=body)
        info = answer["status"]["userInfo"]
        return str(info["username"]), tuple(str(group) for group in info.get("groups") or ())
    except (AgentError, KeyError, TypeError):
        return username(access), ()


def cookies(headers: Mapping[str, str]) -> dict[str, str]:
    """The cookies of a request; none where they cannot be read."""
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def signed_out(message: str) -> RequestProblem:
    """The refusal of a request without session."""
    return RequestProblem(401, message, reason="Unauthorized")


def _equal(given: str, other: str) -> bool:
    return hmac.compare_digest(given.encode(), other.encode())
