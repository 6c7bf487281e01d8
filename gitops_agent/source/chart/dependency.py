"""Where dependencies of charts are, and which Secret reads them.

Their addresses are written by authors of charts, so an address gets the credentials that the spec names for it and no other
ones: those of `render.helm.repositories` for addresses at and below theirs, else those of the chart's own repository for the
very same address.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from gitops_agent.api.render_options import HelmOptions, RenderOptions
from gitops_agent.api.source_options import ChartRepository
from gitops_agent.revision.chart_dependency import ChartDependency
from gitops_agent.source.chart.chart_ref import ChartRef, ChartSource
from gitops_agent.source.chart.credentials import origin
from gitops_agent.source.following import followed_chart
from gitops_agent.source.repository import Repository

LOCKED = "lock"
"""What an exact version is chosen for, as `ChartRef.once`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyAccess:
    """What an Application says about the repositories of dependencies.

    Attributes:
        namespace: of the Application and its Secrets.
        repositories: those that the spec names.
        own: that of its chart; None for a chart in Git.
    """

    namespace: str
    repositories: tuple[ChartRepository, ...] = ()
    own: ChartSource | None = None

    @classmethod
    def of(cls, namespace: str, source: Repository | None, render: RenderOptions | None) -> DependencyAccess:
        """What a spec says.

        Args:
            namespace: of the Application.
            source: what it follows; None for a directory of this machine.
            render: its options.
        """
        helm = render.helm if render is not None and render.helm is not None else HelmOptions()
        own = source if isinstance(source, ChartSource) else None
        if helm.chart is not None:
            own = followed_chart(namespace, helm.chart)[0]
        return cls(namespace=namespace, repositories=helm.repositories, own=own)

    def located(self, dependency: ChartDependency) -> tuple[ChartSource, ChartRef]:
        """The repository and reference of a dependency.

        Raises:
            SourceError: reason `InvalidSpec`: its address or version is none.
        """
        ref = ChartRef(name=dependency.chart, version=dependency.version, once=dependency.parent or LOCKED)
        plain = ChartSource(url=dependency.repository)
        named = _longest(self.repositories, dependency.repository)
        if named is not None:
            secret = f"{self.namespace}/{named.secret_ref.name}"
            return ChartSource(url=plain.url, secret=secret, hosts=tuple(sorted(named.hosts))), ref
        if self.own is not None and self.own.url.rstrip("/") == plain.url:
            return self.own, ref
        return plain, ref


def _longest(repositories: Iterable[ChartRepository], url: str) -> ChartRepository | None:
    """The entry that fits an address best."""
    fitting = [one for one in repositories if _covers(one.url, url)]
    return max(fitting, key=lambda one: len(one.url.rstrip("/")), default=None)


def _covers(above: str, url: str) -> bool:
    """Whether an address is the same or lies below, on one server."""
    if urlsplit(above).scheme != urlsplit(url).scheme or origin(above) != origin(url):
        return False
    folder, path = urlsplit(above).path.rstrip("/"), urlsplit(url).path.rstrip("/")
    return path == folder or (path.startswith(f"{folder}/") and ".." not in path.split("/"))
