"""How viewers of the agent's dashboard sign in, as the settings say."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.routing import Route

from gitops_agent.cluster.secrets import Secrets
from gitops_agent.cluster.transport import Transport
from gitops_agent.config import Settings
from gitops_agent.httpclient.allowed_hosts import AllowedHosts
from gitops_agent.server.delegated.sessions import GuestSessions, ProxySessions
from gitops_agent.server.delegated.viewers import DelegatedViewers
from gitops_agent.server.destination_rights import Destinations
from gitops_agent.server.http.sessions import Sessions
from gitops_agent.server.http.sign_in_pages import SignInPages
from gitops_agent.server.http.token_sessions import TokenSessions
from gitops_agent.server.oidc.login import Login
from gitops_agent.server.oidc.provider import Provider, Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A way to sign in.

    Attributes:
        sessions: who viewers are.
        pages: the addresses that it needs.
    """

    sessions: Sessions
    pages: tuple[Route, ...] = ()


def sign_in_of(settings: Settings, transport: Transport, destinations: Destinations | None) -> SignIn:
    """The way of `dashboard.auth`.

    Args:
        settings: the effective configuration.
        transport: to the API server, as the agent.
        destinations: where Applications deploy to, if that shows them.
    """
    namespace, audiences = settings.cluster.namespace, settings.dashboard.audiences
    if settings.dashboard.auth in ("proxy", "guest"):
        viewers = DelegatedViewers(transport, namespace, settings.dashboard.auth, destinations)
        if settings.dashboard.auth == "proxy":
            return SignIn(sessions=ProxySessions(viewers))
        return SignIn(sessions=GuestSessions(viewers, settings.dashboard.guest_user, settings.dashboard.guest_groups))
    if settings.dashboard.auth == "token":
        return SignIn(sessions=TokenSessions(transport, namespace, audiences=audiences, destinations=destinations))
    sessions = TokenSessions(
        transport, namespace, audiences=audiences, destinations=destinations, provider=settings.oidc.issuer
    )
    registration = Registration(
        issuer=settings.oidc.issuer,
        client=settings.oidc.client_id,
        namespace=namespace,
        secret=settings.oidc.secret,
        hosts=AllowedHosts.setting(settings.oidc.allowed_hosts, name="oidc.allowedHosts", subject="a sign-in"),
    )
    address = settings.server.external_url
    login = Login(Provider(registration, Secrets(transport)), address, settings.oidc.scopes)
    return SignIn(sessions=sessions, pages=tuple(SignInPages(login, sessions, address).routes()))
