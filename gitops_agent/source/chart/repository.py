"""What a repository of charts answers, whatever its kind.

A web server with an index and a registry differ in everything but two questions: which versions of a chart there are, and
what the archive of one holds. Answers are hostile text: names, versions and addresses are checked by those who use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.allowed_hosts import ANYWHERE, AllowedHosts
from gitops_agent.oci.cosign.policy import CosignPolicy
from gitops_agent.source.chart.chart_ref import SignerDemand
from gitops_agent.source.chart.credentials import ChartCredentials
from gitops_agent.source.chart.provenance_policy import ProvenancePolicy

LARGEST_ARCHIVE = 10 * 1024 * 1024
"""Bytes of a packed chart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartVersion:
    """One version of a chart, as its repository lists it.

    Attributes:
        version: as it is written there, e.g. `6.5.4`; of a registry with `+` where its tag has `_`.
        digest: `sha256:<hex>` of the archive, empty where the repository names none.
        deprecated: whether its authors advise against it.
        created: when it was packed, None where that is not said.
        urls: where the archive is, absolute or relative to the repository; empty in registries.
    """

    version: str
    digest: str = ""
    deprecated: bool = False
    created: datetime | None = None
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartAccess:
    """A repository of charts and what it is read with.

    Attributes:
        url: `https://…` or `oci://…`, without credentials; http for loopback only.
        credentials: sent to the origin of the URL (scheme, host and port) alone, None for none.
        hosts: further hosts that may receive them, as the spec names them.
        secret: the hosts that the owner of the credentials and the administrator allow.
        signers: the keys behind the demands for signatures, or why they are not known.
    """

    url: str
    credentials: ChartCredentials | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()
    secret: AllowedHosts = ANYWHERE
    signers: Mapping[SignerDemand, CosignPolicy | ProvenancePolicy | AgentError] = field(default_factory=dict, repr=False)


class ChartRepository(Protocol):
    """A repository of charts, with what it is read with."""

    def versions(self, name: str) -> tuple[ChartVersion, ...]:
        """All versions of a chart in any order, from the network.

        Raises:
            SourceError: there is no such chart (`ChartNotFound`), or the repository cannot be read.
        """

    def version(self, name: str, version: str) -> ChartVersion:
        """One exact version, where possible without a list of all.

        Raises:
            SourceError: as `versions`.
        """

    def verify(self, name: str, version: ChartVersion, policy: CosignPolicy) -> None:
        """Checks the signatures of a version with exactly this digest.

        Raises:
            SourceError: reason `Unverified`, or the repository cannot be read.
        """

    def provenance(self, name: str, version: ChartVersion) -> bytes:
        """The provenance file of a version.

        Raises:
            SourceError: there is none (`Unverified`), or the repository cannot be read.
        """

    def archive(self, name: str, version: ChartVersion) -> bytes:
        """The packed chart, at most 10 MiB.

        It equals the digest of its version, where that is known.

        Raises:
            SourceError: it is not there, too large, or another one (`ChartDigestMismatch`).
        """
