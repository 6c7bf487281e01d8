"""One commit or chart, as people and status speak of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gitops_agent.manifest.revision_name import short


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRevision:
    """A chart's version that a range resolved to.

    Attributes:
        repository: the URL without credentials.
        name: of the chart.
        version: as the repository writes it.
        digest: of its archive, `sha256:…`.
        range: what it was chosen by.
        resolved_at: when, UTC.
        warnings: what its users should know, one line each.
    """

    repository: str
    name: str
    version: str
    digest: str
    range: str
    resolved_at: datetime
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyRevision:
    """A chart that another one depends on.

    Attributes:
        chart: the version that was fetched.
        parent: the content of the chart that names a range; empty for a version of a lock.
    """

    chart: ChartRevision
    parent: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ValuesRevision:
    """A commit of another repository with values.

    Attributes:
        repository: the URL without credentials.
        ref: what it was followed as, such as `branch main`.
        commit: the full object name.
    """

    repository: str
    ref: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """A commit or chart that a reference resolved to.

    Attributes:
        repository: the URL without credentials.
        ref: the reference, e.g. `main`, `v1.2.3`, `>=1.0 <2`, or the commit itself.
        commit: the full object name, or what stands for it with a chart; see `manifest.revision_name`.
        author: the author's name and address.
        subject: the first line of the message, cut at 200 characters, control characters removed.
        committed_at: aware, UTC.
        message: the whole message, cut at 4,000 characters (its trailers may approve a plan).
        chart: the chart that is part of it, None without one.
        dependencies: the charts that its charts depend on; None before it is rendered.
        values: commits of other repositories with values, which are part of it.
    """

    repository: str
    ref: str
    commit: str
    author: str = ""
    subject: str = ""
    message: str = ""
    committed_at: datetime | None = None
    chart: ChartRevision | None = None
    dependencies: tuple[DependencyRevision, ...] | None = None
    values: tuple[ValuesRevision, ...] = ()

    @property
    def short(self) -> str:
        """The first twelve digits of the commit, or the chart's version."""
        return short(self.commit)
