"""What an Application follows, fetched for a preview with the caller's rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from gitops_agent.api.application import Application
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.secrets import Secrets
from gitops_agent.errors import SourceError
from gitops_agent.manifest.revision_name import chart_of, commit_of, without_values
from gitops_agent.preview import values_repositories
from gitops_agent.preview.chart_dependencies import with_dependencies
from gitops_agent.preview.kept_repository import KeptRepository
from gitops_agent.preview.remote_bases import mounted
from gitops_agent.revision.mounted_tree import CHART, MountedTree
from gitops_agent.revision.revision import Revision
from gitops_agent.revision.tree import Tree
from gitops_agent.source.chart.chart_ref import ChartRef, ChartSource
from gitops_agent.source.chart.charts import Charts
from gitops_agent.source.chart.credentials import ChartCredentials
from gitops_agent.source.chart.repository import ChartAccess
from gitops_agent.source.chart.republication import accepting
from gitops_agent.source.chart.signers import policies
from gitops_agent.source.credentials import Credentials
from gitops_agent.source.following import chart_beside, followed, with_chart
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository
from gitops_agent.source.revision_name import HEAD, RevisionName
from gitops_agent.source.sources import Sources
from gitops_agent.source.values import values_beside

MIRRORS = "mirrors"
"""The folder of the mirrors in the scratch folder."""


@contextmanager
def fetched(
    access: ClusterClient,
    application: Application,
    scratch: Path,
    *,
    revision: str = "",
    kept: KeptRepository | None = None,
) -> Iterator[tuple[Tree, Revision]]:
    """The repository at a revision; see `fetched_sources`."""
    with (
        fetched_sources(access, application, scratch, revision=revision, kept=kept) as (sources, repository, resolved),
        with_bases(access, application, tree_of(sources, repository, application, resolved)) as tree,
    ):
        yield tree, resolved


def tree_of(sources: Sources, repository: Repository, application: Application, revision: Revision) -> Tree:
    """The files of a fetched revision, with all that lies beside it."""
    tree = sources.tree(repository, revision.commit, chart_source(application))
    return values_repositories.mounted(application, sources, tree, revision.commit)


def values_beside_directory(
    access: ClusterClient, application: Application, tree: Tree, scratch: Path
) -> AbstractContextManager[Tree]:
    """A directory of this machine, with the values of the spec."""
    return values_repositories.with_values_of(
        application, tree, scratch, lambda repository: credentials(access, application, repository)
    )


def with_bases(access: ClusterClient, application: Application, tree: Tree) -> AbstractContextManager[Tree]:
    """A tree of the application, with what it names elsewhere."""
    repository = repository_of(application)
    tree = with_dependencies(tree, application, lambda *chart: chart_access(access, *chart))
    return mounted(tree, repository, lambda: credentials(access, application, repository))


@contextmanager
def fetched_sources(
    access: ClusterClient,
    application: Application,
    scratch: Path,
    *,
    revision: str = "",
    kept: KeptRepository | None = None,
) -> Iterator[tuple[Sources, Repository, Revision]]:
    """The repository's mirror, fetched with the caller's credentials.

    At what the application follows, or at the commit that `revision` names. Where that is in the history that `kept` has,
    nothing is fetched.

    Raises:
        AgentError: it cannot be had; the message names the repository.
    """
    mirrored = kept.find(revision) if kept is not None else None
    if kept is not None and mirrored is not None:
        yield kept.sources, kept.repository, mirrored
        return
    repository, ref = followed(application.key.namespace, application.spec.source)
    values = values_beside(application.key.namespace, application.spec.render)
    local = any(
        source.url.startswith("file:") for source in (repository, *(values_repository for values_repository, _ in values))
    )
    sources = Sources(scratch / MIRRORS, allow_file=local)
    try:
        try:
            if isinstance(repository, ChartSource) and isinstance(ref, ChartRef):
                ref = accepting(application, repository, ref)
                resolved = sources.charts.find(repository, ref, chart_access(access, repository, ref), without_values(revision))
            else:
                name = RevisionName.parse(commit_of(revision) or HEAD)
                secret = credentials(access, application, repository)
                resolved = sources.find(repository, name, head=ref, credentials=secret)
                beside = chart_beside(application.key.namespace, application.spec.render)
                if beside is not None:
                    beside = beside[0], accepting(application, *beside)
                    chart = sources.charts.find(*beside, chart_access(access, *beside), chart_of(revision))
                    resolved = with_chart(resolved, chart)
            commits = values_repositories.followed_values(
                application, sources, lambda other: credentials(access, application, other), revision
            )
            resolved = values_repositories.completed(application, resolved, commits)
        except SourceError as error:
            named = str(error) if str(repository) in str(error) else f"{repository}: {error}"
            raise SourceError(named, reason=error.reason, transient=error.transient) from error
        yield sources, repository, resolved
    finally:
        sources.close()


def repository_of(application: Application) -> Repository:
    """What an application follows."""
    return followed(application.key.namespace, application.spec.source)[0]


def credentials(access: ClusterClient, application: Application, repository: Repository) -> Credentials | None:
    """What the Secret of a repository says.

    It is read with the caller's own permissions.

    Raises:
        HostRefused: the Secret may not be sent to the repository's host.
        AgentError: it is missing or cannot be read.
    """
    name = repository.secret.removeprefix(f"{application.key.namespace}/")
    if not name:
        return None
    secret = Secrets(access.transport).read(application.key.namespace, name)
    return Credentials.from_secret(secret.sent_to(repository.host))


def chart_access(access: ClusterClient, repository: ChartSource, *refs: Ref) -> ChartAccess:
    """What a repository of charts is read with; see `credentials`."""
    signers = policies(refs, lambda namespace, name: Secrets(access.transport).read(namespace, name).data)
    if not repository.secret:
        return ChartAccess(url=repository.url, hosts=repository.hosts, signers=signers)
    secret = Secrets(access.transport).read(*repository.secret.split("/", 1))
    credentials = ChartCredentials.from_secret(secret.sent_to(repository.host))
    owner = secret.hosts
    return ChartAccess(url=repository.url, credentials=credentials, hosts=repository.hosts, secret=owner, signers=signers)


def with_mounted_chart(
    tree: Tree, application: Application, scratch: Path, access: Callable[[ChartSource, Ref], ChartAccess]
) -> Tree:
    """A directory of this machine, with the chart of the spec.

    Raises:
        SourceError: the chart cannot be had.
    """
    beside = chart_beside(application.key.namespace, application.spec.render)
    if beside is None:
        return tree
    beside = beside[0], accepting(application, *beside)
    charts = Charts(scratch / "charts")
    revision = charts.find(*beside, access(*beside)).commit
    return MountedTree(tree, CHART, charts.tree(beside[0], revision), tree.commit)


def chart_source(application: Application) -> ChartSource | None:
    """The repository of the chart that a commit is rendered with."""
    beside = chart_beside(application.key.namespace, application.spec.render)
    return beside[0] if beside is not None else None
