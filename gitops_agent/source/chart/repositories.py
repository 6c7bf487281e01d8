"""Opens a chart repository by the scheme of its address."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from gitops_agent.errors import SourceError
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.source.chart.http_repository import HttpRepository
from gitops_agent.source.chart.index_cache import IndexCache
from gitops_agent.source.chart.repository import ChartAccess, ChartRepository

_SECONDS = 60.0
"""For one request, from the connection to the end of the answer."""


def _http(access: ChartAccess, cache: IndexCache) -> ChartRepository:
    return HttpRepository(access, cache, HttpClient(timeout_seconds=_SECONDS))


_KINDS: dict[str, Callable[[ChartAccess, IndexCache], ChartRepository]] = {"https": _http, "http": _http}


def opened(access: ChartAccess, cache: IndexCache) -> ChartRepository:
    """The repository at an address, for one poll.

    Raises:
        SourceError: reason `InvalidSpec`, for an address of another kind.
    """
    scheme = urlsplit(access.url).scheme
    if scheme not in _KINDS:
        raise SourceError(f"charts are read by {' or '.join(_KINDS)}, not by {scheme[:20]!r}", reason="InvalidSpec")
    return _KINDS[scheme](access, cache)
