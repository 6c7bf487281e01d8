"""Where dependencies of charts are, and which Secret reads them.

Their addresses are written by authors of charts, so an address gets the credentials that the spec names for it and no other
ones: those of `render.helm.repositories` for addresses at and below theirs, else those of the chart's own repository for the
very same address.

The signature of a chart says nothing of charts that are fetched for it, so these have to satisfy the same demand. With
`verify.dependencies: locked` an exact version needs no signature of its own; a range is no lock, and still needs one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from gitops_agent.api.render_options import HelmOptions, RenderOptions
from gitops_agent.api.source_options import ChartRepository, ChartSpec
from gitops_agent.errors import AgentError, SourceError
from gitops_agent.revision.chart_dependency import ChartDependency
from gitops_agent.source.chart.chart_ref import ChartRef, ChartSource, SignerDemand
from gitops_agent.source.chart.credentials import origin
from gitops_agent.source.following import followed_chart

LOCKED = "lock"
"""What an exact version is chosen for, as `ChartRef.once`."""
UNVERIFIED = "ChartDependencyUnverified"


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyAccess:
    """What an Application says about the repositories of dependencies.

    Attributes:
        namespace: of the Application and its Secrets.
        repositories: those that the spec names.
        own: that of its chart; None for a chart in Git.
        chart: the name of that chart.
        signers: who has to sign it; None for no signatures.
        locked: versions that are exact need no signature of their own.
    """

    namespace: str
    repositories: tuple[ChartRepository, ...] = ()
    own: ChartSource | None = None
    chart: str = ""
    signers: SignerDemand | None = None
    locked: bool = False

    @classmethod
    def of(cls, namespace: str, chart: ChartSpec | None, render: RenderOptions | None) -> DependencyAccess:
        """What a spec says.

        Args:
            namespace: of the Application.
            chart: what it follows; None for Git and for a directory of this machine.
            render: its options.
        """
        helm = render.helm if render is not None and render.helm is not None else HelmOptions()
        chart = helm.chart or chart
        access = cls(namespace=namespace, repositories=helm.repositories)
        if chart is None:
            return access
        own, ref = followed_chart(namespace, chart)
        locked = chart.verify is not None and chart.verify.dependencies == "locked"
        return replace(access, own=own, chart=ref.name, signers=ref.signers, locked=locked)

    def located(self, dependency: ChartDependency) -> tuple[ChartSource, ChartRef]:
        """The repository and reference of a dependency.

        Raises:
            SourceError: reason `InvalidSpec`: its address or version is none.
        """
        signers = None if self.locked and not dependency.parent else self.signers
        once = dependency.parent or LOCKED
        ref = ChartRef(name=dependency.chart, version=dependency.version, signers=signers, once=once)
        plain = ChartSource(url=dependency.repository)
        named = _longest(self.repositories, dependency.repository)
        if named is not None:
            secret = f"{self.namespace}/{named.secret_ref.name}"
            return ChartSource(url=plain.url, secret=secret, hosts=tuple(sorted(named.hosts))), ref
        if self.own is not None and self.own.url.rstrip("/") == plain.url:
            return self.own, ref
        return plain, ref

    def explained(self, dependency: ChartDependency, problem: AgentError) -> AgentError:
        """Names the dependency in a missing signature; returns other problems unchanged."""
        if problem.reason != "Unverified":
            return problem
        lock = "name one version in Chart.lock and " if dependency.parent else ""
        text = (
            f"the chart {self.chart} demands signatures, also of {dependency}, which it does not hold in charts/: "
            f"{problem.message}; sign the dependency, publish {self.chart} with it in charts/, or {lock}set "
            "verify.dependencies: locked to accept locked versions without signatures"
        )
        error = SourceError(text, reason=UNVERIFIED, transient=problem.transient)
        error.facts |= problem.facts | {"chart": self.chart, "dependency": dependency.chart}
        error.facts |= {"version": dependency.version, "repository": dependency.repository}
        return error


def _longest(repositories: Iterable[ChartRepository], url: str) -> ChartRepository | None:
    """The entry that fits an address best."""
    fitting = [repository for repository in repositories if _covers(repository.url, url)]
    return max(fitting, key=lambda repository: len(repository.url.rstrip("/")), default=None)


def _covers(above: str, url: str) -> bool:
    """Whether an address is the same or lies below, on one server."""
    if urlsplit(above).scheme != urlsplit(url).scheme or origin(above) != origin(url):
        return False
    folder, path = urlsplit(above).path.rstrip("/"), urlsplit(url).path.rstrip("/")
    return path == folder or (path.startswith(f"{folder}/") and ".." not in path.split("/"))
