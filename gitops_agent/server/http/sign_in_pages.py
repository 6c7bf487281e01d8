"""`/auth/login` and `/auth/callback`: the two addresses of a sign-in at a provider.

A browser opens them, not a script, so a sign-in that fails is answered with a page that says why.
"""

from __future__ import annotations

import asyncio
from html import escape
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gitops_agent.errors import AgentError
from gitops_agent.server.http.problems import RequestProblem
from gitops_agent.server.http.sessions import Sessions, cookies
from gitops_agent.server.oidc.id_token import SignInFailed
from gitops_agent.server.oidc.login import LOGIN_SECONDS, Login
from gitops_agent.server.oidc.return_path import safe_path
from gitops_agent.server.plain_text import plain
from gitops_agent.server.web.assets import page

COOKIE = "__Host-gitops-agent-login"
# Lax, and not Strict: the provider's page sends the browser to the callback.
_ATTRIBUTES = "Path=/; Secure; HttpOnly; SameSite=Lax"
_LOGIN = "/auth/login"
# At a time, and not by address: behind an Ingress all browsers have one.
_EXCHANGES = 8
_NO_STORE = {"cache-control": "no-store"}


class SignInPages:
    """Signs browsers in at the provider.

    Args:
        login: the flow.
        sessions: keep the ID token once the API server accepts it.
        address: where people reach the dashboard; the provider sends browsers there.
    """

    def __init__(self, login: Login, sessions: Sessions, address: str) -> None:
        self._login, self._sessions = login, sessions
        self._address = address.rstrip("/")
        self._exchanges = asyncio.Semaphore(_EXCHANGES)

    def routes(self) -> list[Route]:
        """Both addresses."""
        return [Route(_LOGIN, self._begin, methods=["GET"]), Route("/auth/callback", self._finish, methods=["GET"])]

    async def _begin(self, request: Request) -> Response:
        path = safe_path(request.query_params.get("return", ""))
        try:
            if request.headers.get("host", "").lower() != urlsplit(self._address).netloc.lower():
                # The cookie of the login would stay with this name, and the provider sends the browser to the other one.
                return _moved(f"{self._address}{_LOGIN}?{urlencode({'return': path})}")
            address, attempt = await asyncio.to_thread(self._login.begin, path)
        except AgentError as error:
            return _failed(error)
        response = _moved(address)
        response.headers.append("set-cookie", f"{COOKIE}={attempt.cookie()}; {_ATTRIBUTES}; Max-Age={LOGIN_SECONDS}")
        return response

    async def _finish(self, request: Request) -> Response:
        kept = cookies({"cookie": request.headers.get("cookie", "")}).get(COOKIE, "")
        try:
            async with self._exchanges:
                token, path = await asyncio.to_thread(self._login.finish, dict(request.query_params), kept)
                _, session = await asyncio.to_thread(self._accept, token)
        except AgentError as error:
            response = _failed(error)
        else:
            response = _moved(path)
            for cookie in session:
                response.headers.append("set-cookie", cookie)
        response.headers.append("set-cookie", f"{COOKIE}=; {_ATTRIBUTES}; Max-Age=0")
        return response

    def _accept(self, token: str) -> tuple[object, list[str]]:
        """Has the API server review the token.

        Raises:
            SignInFailed: it does not know the provider.
            AgentError: it does not answer.
        """
        try:
            return self._sessions.sign_in(token)
        except RequestProblem as error:
            raise SignInFailed(
                "the provider signed you in, but the API server does not accept its ID token: the API server has to trust the "
                "same issuer and client, as for kubectl (--oidc-issuer-url, or an AuthenticationConfiguration)"
            ) from error


def _moved(address: str) -> Response:
    return Response(status_code=303, headers={"location": address, **_NO_STORE})


def _failed(error: AgentError) -> Response:
    """A page that says why, without script."""
    style = next(path for path in page().assets if path.endswith(".css"))
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>Sign-in failed · gitops-agent</title><link rel="stylesheet" href="{style}"></head>'
        '<body><main class="sign-in"><div class="card"><h1>Sign-in failed</h1>'
        f'<p role="alert">{escape(plain(str(error), 1000))}</p>'
        f'<p><a class="button button-primary" href="{_LOGIN}">Sign in again</a></p></div></main></body></html>'
    )
    status = (
        getattr(error, "status", 0) if isinstance(error, RequestProblem) else 401 if isinstance(error, SignInFailed) else 502
    )
    return Response(text, status_code=status, headers=_NO_STORE, media_type="text/html")
