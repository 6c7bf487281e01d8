"""The settings of the dashboard and of the sign-in to it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from gitops_agent.config.section import Section, Texts

LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
"""Names of the own machine."""


def _provider_address(value: str) -> str:
    """An https address, or one of the own machine."""
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    local = parts.scheme == "http" and parts.hostname in LOCAL_HOSTS
    plain = value.isascii() and value.isprintable() and not set(value) & set(" ?#") and "@" not in parts.netloc
    if value and not (plain and parts.hostname and (parts.scheme == "https" or local)):
        raise ValueError("is no https address, such as https://login.example.com/realms/main")
    return value


class DashboardSettings(Section):
    """The dashboard that the agent serves."""

    enabled: bool = False
    """Whether the leader serves it; `gitops-agent dashboard` needs nothing of this."""

    address: str = "0.0.0.0"  # noqa: S104 - browsers come through an Ingress or a port-forward
    """The address to listen on."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8081
    """The port to listen on; 0 takes a free one."""

    allowed_hosts: Texts = ()
    """Names beside that of `server.externalURL` under which browsers may reach it, with a port where one is in the address. The
    names of the own machine are allowed, for `kubectl port-forward`."""

    auth: Literal["token", "oidc", "proxy", "guest"] = "token"
    """How viewers sign in: with a token of the cluster that they paste; at the OIDC provider of the section `oidc`; at a proxy
    that names them in `X-Remote-User` and `X-Remote-Group`; or not at all, as the user `guestUser`, who only reads."""

    tls_certificate: Path | None = None
    """A file with the certificate that the dashboard serves TLS with; plain HTTP when absent."""

    tls_key: Path | None = None
    """A file with its key."""

    proxy_ca: Annotated[Path | None, Field(alias="proxyCA")] = None
    """A file with the authority of the client certificates of the proxy, with `auth: proxy`; others cannot connect."""

    proxy_names: Texts = ()
    """Common names or DNS names of which the proxy's certificate has to hold one; any certificate of `proxyCA` when empty."""

    guest_user: Annotated[str, Field(min_length=1, max_length=256)] = "gitops-agent:guest"
    """The user whose rights all viewers have, with `auth: guest`."""

    guest_groups: Texts = ("gitops-agent:guests",)
    """The groups of that user."""

    audiences: Texts = ()
    """Audiences that a token must be for; that of the API server when empty."""

    visibility: Literal["application", "destination"] = "application"
    """Who sees an Application: who may read it, or also who may `get pods` in its destination namespace."""

    share_links: bool = False
    """Whether who has the verb `share` on Applications can make links that show their state without a sign-in, for seven days
    at most."""

    badges: Texts = ()
    """Patterns of Applications, such as `gitops-system/shop-*`, whose state `/badge/NAMESPACE/NAME.svg` shows without a
    sign-in; none when empty."""


class OidcSettings(Section):
    """The provider of `dashboard.auth: oidc`."""

    issuer: Annotated[str, Field(max_length=512), AfterValidator(_provider_address)] = ""
    """The address that its ID tokens name as their issuer, such as `https://login.example.com/realms/main`. The API server has
    to trust it too."""

    client_id: Annotated[str, Field(alias="clientID", max_length=256)] = ""
    """The client that the dashboard is at the provider: that of kubectl, or one that the API server accepts as well. The
    provider sends browsers to `/auth/callback` below `server.externalURL`."""

    secret: Annotated[str, Field(max_length=253)] = ""
    """A Secret in `cluster.namespace` with the secret of the client in `client-secret`, and in `ca.crt` the authority of a
    provider whose certificate is not public. A client without secret when empty."""

    scopes: Texts = ("profile", "email")
    """What is requested beside `openid`, so that the ID token names the user and the groups that the API server reads."""

    allowed_hosts: Texts = ()
    """Patterns of hosts that the sign-in may send to, such as `*.example.com`; those that the provider's document names when
    empty. The annotation `gitops-agent.dev/allowed-hosts` on the Secret narrows down where the client's secret is sent."""
