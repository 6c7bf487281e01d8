"""Names of registries: repositories, tags and digests.

A name is printed in statuses and becomes part of a URL, so everything that the distribution specification does not allow in one
is refused before anything is sent. Plain http is spoken with loopback only, where test registries are; with an authority
of certificates it is https there as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

from gitops_agent.errors import SourceError

SCHEME = "oci://"

_AUTHORITY = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z")
_COMPONENT = re.compile(r"[a-z0-9]++(?:(?:[._]|__|-++)[a-z0-9]++)*+\Z")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_LONGEST = 255
_DOCKER_HUB = "docker.io"
_DOCKER_HUB_API = "registry-1.docker.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A repository of a registry.

    Attributes:
        authority: host and port as written, such as `ghcr.io` or `localhost:5000`, in lower case.
        repository: the path below it, such as `acme/charts/podinfo`.
    """

    authority: str
    repository: str

    @classmethod
    def parse(cls, url: str) -> Reference:
        """Reads `oci://host[:port]/path`.

        Raises:
            SourceError: reason `InvalidSpec`.
        """
        if not url.startswith(SCHEME):
            raise _invalid("the address of a registry is oci://host/path")
        authority, _, repository = url.removeprefix(SCHEME).rstrip("/").partition("/")
        if "@" in authority:
            raise _invalid("the address of a registry holds credentials: put them into the Secret that secretRef names")
        if not _AUTHORITY.match(authority):
            raise _invalid("the address of a registry has no valid host")
        if authority == _DOCKER_HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(authority=authority.lower(), repository=_checked(repository))

    def below(self, name: str) -> Reference:
        """The repository of that name below this one."""
        return Reference(authority=self.authority, repository=_checked(f"{self.repository}/{name}"))

    @property
    def host(self) -> str:
        """The name of the server, without port."""
        name, colon, port = self.authority.rpartition(":")
        host = name if colon and port.isdecimal() else self.authority
        return host.removeprefix("[").removesuffix("]")

    @property
    def loopback(self) -> bool:
        """Whether the server is this machine."""
        return is_loopback(self.host)

    def api(self, *, secure: bool) -> str:
        """The URL of the repository's part of the API."""
        authority = _DOCKER_HUB_API if self.authority == _DOCKER_HUB else self.authority
        return f"http{'s' if secure else ''}://{authority}/v2/{self.repository}"

    def __str__(self) -> str:
        return f"{SCHEME}{self.authority}/{self.repository}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_tag(tag: str) -> str:
    """The tag, if it is one.

    Raises:
        SourceError: reason `InvalidSpec`.
    """
    if not _TAG.match(tag):
        raise _invalid(f"{tag[:128]!r} is no tag of a registry")
    return tag


def is_tag(text: str) -> bool:
    """Whether a text may be a tag."""
    return _TAG.match(text) is not None


def is_digest(text: object) -> bool:
    """Whether a value is a digest that this client can check."""
    return isinstance(text, str) and _DIGEST.match(text) is not None


def _checked(repository: str) -> str:
    if len(repository) > _LONGEST or not all(_COMPONENT.match(part) for part in repository.split("/")):
        raise _invalid("the path of a repository in a registry has lower-case letters, digits and single ., _, - between them")
    return repository


def _invalid(message: str) -> SourceError:
    return SourceError(message, reason="InvalidSpec")
