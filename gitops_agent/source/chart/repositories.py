"""Opens a chart repository by the scheme of its address."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from gitops_agent.errors import SourceError
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.oci.registry import Registries
from gitops_agent.source.chart.http_repository import HttpRepository
from gitops_agent.source.chart.index_cache import IndexCache
from gitops_agent.source.chart.oci_repository import OciRepository, RegistryState
from gitops_agent.source.chart.repository import ChartAccess, ChartRepository

_SECONDS = 60.0
"""For one request, from the connection to the end of the answer."""


class ChartRepositories:
    """Opens repositories; keeps what their kinds remember between polls."""

    def __init__(self) -> None:
        self._registries = RegistryState(Registries(timeout_seconds=_SECONDS))
        self._kinds: dict[str, Callable[[ChartAccess, IndexCache], ChartRepository]] = {
            "https": self._http,
            "http": self._http,
            "oci": self._oci,
        }

    def opened(self, access: ChartAccess, cache: IndexCache) -> ChartRepository:
        """The repository at an address, for one poll.

        Raises:
            SourceError: reason `InvalidSpec`, for an address of another kind.
        """
        scheme = urlsplit(access.url).scheme
        if scheme not in self._kinds:
            raise SourceError(f"charts are read by {' or '.join(self._kinds)}, not by {scheme[:20]!r}", reason="InvalidSpec")
        return self._kinds[scheme](access, cache)

    def _http(self, access: ChartAccess, cache: IndexCache) -> ChartRepository:
        return HttpRepository(access, cache, HttpClient(timeout_seconds=_SECONDS))

    def _oci(self, access: ChartAccess, _: IndexCache) -> ChartRepository:
        return OciRepository(access, self._registries)
