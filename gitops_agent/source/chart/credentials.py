"""Credentials of a chart repository, from the keys of a Secret.

They belong to the origin of the repository's URL (scheme, host and port). An index may name archives anywhere and a server may
redirect anywhere, so who sends a request asks here whether its address may receive them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from gitops_agent.errors import SourceError
from gitops_agent.httpclient.message import basic
from gitops_agent.source.credentials import texts_of, unusable

_KEYS = {
    "username": "username",
    "password": "password",
    "bearerToken": "bearer_token",
    ".dockerconfigjson": "docker_config",
    "ca.crt": "ca",
    "caFile": "ca",
    "tls.crt": "cert",
    "certFile": "cert",
    "tls.key": "key",
    "keyFile": "key",
}
_ONE_LINE = ("username", "password", "bearer_token")
_PORTS = {"https": 443, "http": 80, "oci": 443}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ChartCredentials:
    """The values as text, empty when absent; `repr` shows only names.

    Attributes:
        username: for basic authentication.
        password: for basic authentication.
        bearer_token: sent as `Authorization: Bearer …`.
        docker_config: the content of `.dockerconfigjson`, for registries.
        ca: PEM, the authorities to believe instead of the machine's.
        cert: PEM, the client certificate.
        key: PEM, its private key.
    """

    username: str = ""
    password: str = ""
    bearer_token: str = ""
    docker_config: str = ""
    ca: str = ""
    cert: str = ""
    key: str = ""

    @classmethod
    def from_secret(cls, data: Mapping[str, bytes]) -> ChartCredentials:
        """Reads the keys of a Secret, and ignores unknown ones.

        Raises:
            SourceError: reason `InvalidSpec`.
        """
        values = texts_of(data, _KEYS, one_line=_ONE_LINE)
        if not any(values.values()):
            raise unusable(f"it has none of the keys {', '.join(_KEYS)}")
        return cls(**values)

    def __post_init__(self) -> None:
        for name in _ONE_LINE:
            if not getattr(self, name).isprintable():
                raise unusable(f"{name} contains line breaks or control characters")
        if self.bearer_token and (self.username or self.password):
            raise unusable("it has both bearerToken and username/password: one of them has to go")
        if bool(self.username) != bool(self.password):
            raise unusable("username and password need each other")
        if bool(self.cert) != bool(self.key):
            raise unusable("a client certificate needs both tls.crt and tls.key")

    @property
    def authorization(self) -> str:
        """The header for basic or bearer authentication; empty for none."""
        if self.bearer_token:
            return f"Bearer {self.bearer_token}"
        if self.password:
            return basic(self.username, self.password)
        return ""

    def __repr__(self) -> str:
        return f"ChartCredentials({', '.join(field.name for field in fields(self) if getattr(self, field.name))})"


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL; registries have https.

    Raises:
        SourceError: it is no URL.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SourceError("the address of a chart is not a URL", reason="SourceFailed") from None
    scheme = "https" if parts.scheme == "oci" else parts.scheme
    return scheme, (parts.hostname or "").rstrip("."), port or _PORTS.get(parts.scheme, 0)


def may_receive(url: str, repository: str, hosts: Iterable[str]) -> bool:
    """Whether the credentials of a repository may go to a URL.

    Args:
        url: where a request goes.
        repository: the repository's URL.
        hosts: further hosts, `name` for the port of https or `name:port`.
    """
    scheme, host, port = origin(url)
    if (scheme, host, port) == origin(repository):
        return True
    names = {f"{host}:{port}", host} if port == _PORTS["https"] else {f"{host}:{port}"}
    return scheme == "https" and any(name.lower() in names for name in hosts)
