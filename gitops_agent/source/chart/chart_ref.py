"""What an application follows in a repository of charts.

A repository of charts and a chart in it take the places of a Git repository and a reference, so everything behind a poll (the
queue, states of repositories, wake-ups) treats both alike.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from gitops_agent.errors import SourceError
from gitops_agent.oci.cosign.identity import SignerIdentity
from gitops_agent.source.chart.archive import NAME
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository
from gitops_agent.source.semver import Range, Version

_SCHEMES = ("https", "http", "oci")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_LONGEST = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartSource(Repository):
    """A repository of charts, and the Secret it is read with.

    Attributes:
        hosts: further hosts that may receive the credentials.

    Raises:
        SourceError: reason `InvalidSpec`.
    """

    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check(self.url)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerDemand:
    """Who has to sign a chart.

    Attributes:
        secret: with the keys, or the root that vouches for identities, `namespace/name`; empty for the public root.
        minimum: how many of the keys or identities have to sign.
        provenance: by a provenance file in place of signatures of cosign.
        identities: of signers without keys.
    """

    secret: str
    minimum: int = 1
    provenance: bool = False
    identities: tuple[SignerIdentity, ...] = ()

    def __str__(self) -> str:
        if self.identities:
            names = hashlib.sha256(repr(self.identities).encode()).hexdigest()
            return f"{self.secret}:{self.minimum} of {names[:16]}"
        return f"{self.secret}:{'provenance' if self.provenance else self.minimum}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRef(Ref):
    """A chart and the versions that may be followed.

    Attributes:
        name: of the chart.
        version: a version or a range.
        digest: what the archive must be, `sha256:…`; empty for what the repository says.
        signers: who has to sign it; None for no signatures.
        once: what it is chosen for, for good, such as the content of the chart that depends on it; empty for what polls move.
        accepted: a version that was published again, with the digest that a person accepted, `6.5.4@sha256:…`.

    Raises:
        SourceError: reason `InvalidSpec`.
    """

    kind: Literal["chart"] = "chart"
    value: str = ""
    name: str
    version: str
    digest: str = ""
    signers: SignerDemand | None = None
    once: str = ""
    accepted: str = ""

    def __post_init__(self) -> None:
        if NAME.match(self.name) is None:
            raise SourceError(f"{self.name[:80]!r} is not the name of a chart", reason="InvalidSpec")
        if Version.parse(self.version) is None:
            Range.parse(self.version)
            if self.digest:
                raise SourceError("a digest belongs to one version, not to a range", reason="InvalidSpec")
        if self.digest and _DIGEST.match(self.digest) is None:
            raise SourceError("a digest is sha256: and 64 hexadecimal digits", reason="InvalidSpec")
        object.__setattr__(self, "value", f"{self.name} {self.version}")

    def __str__(self) -> str:
        return f"chart {self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartLock:
    """What a range resolved to, as the status keeps it.

    Attributes:
        name: of the chart.
        range: the text it was chosen by.
        version: the version.
        digest: of its archive.
        resolved_at: when, UTC.
        once: see `ChartRef.once`.
        accepted: a person accepted this content for one Application, so for others it says nothing.
    """

    name: str
    range: str
    version: str
    digest: str
    resolved_at: datetime
    once: str = ""
    accepted: bool = False


def check(url: str) -> None:
    """Refuses what is no URL of a repository of charts.

    Raises:
        SourceError: reason `InvalidSpec`, without repeating what may be a credential.
    """
    if not url or len(url) > _LONGEST or not url.isascii() or not url.isprintable() or " " in url:
        raise _invalid("is empty, too long, or contains blanks or control characters")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise _invalid("has no valid host or port") from None
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise _invalid("is not https://host/path or oci://host/path")
    if "@" in parts.netloc:
        raise _invalid("contains credentials: put them into the Secret that secretRef names")
    if parts.query or parts.fragment:
        raise _invalid("has a query or a fragment")
    if parts.scheme == "http" and not loopback(parts.hostname):
        raise _invalid("is plain http, which proves nothing about the server: use https")


def loopback(host: str) -> bool:
    """Whether a host is this machine, by its name."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _invalid(what: str) -> SourceError:
    return SourceError(f"the address of the chart repository {what}", reason="InvalidSpec")
