"""`gitops-agent import …`: translates resources of other tools.

Nothing is written to the cluster.
"""

from __future__ import annotations

import functools
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cli.import_helm import helm
from gitops_agent.errors import UsageError

if TYPE_CHECKING:
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.importer.result import ImportResult

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What is read, and where the result goes.

    Attributes:
        files: read instead of the cluster.
        everywhere: all namespaces.
        namespace: of the other tool's objects; its own by default.
        target: the namespace of the agent, for all that is imported.
        folder: what is written into; None for standard output.
        with_secrets: whether copies of Secrets are written.
        offline: no repository is read.
        check: whether the plans are shown.
        kubeconfig: of the cluster.
        context: of the kubeconfig.
    """

    files: tuple[Path, ...]
    everywhere: bool
    namespace: str
    target: str
    folder: Path | None
    with_secrets: bool
    offline: bool
    check: bool
    kubeconfig: str | None
    context: str | None

    def __post_init__(self) -> None:
        chosen = [name for name, value in (("--file", self.files), ("--all", self.everywhere)) if value]
        chosen += ["--namespace"] if self.namespace else []
        if len(chosen) > 1:
            raise UsageError(f"{' and '.join(chosen)} exclude each other")
        if self.with_secrets and self.folder is None:
            raise UsageError("--with-secrets needs --output-directory: Secrets are not printed")

    def cluster(self) -> ClusterClient:
        """The cluster, as the caller."""
        from gitops_agent.cluster.client import ClusterClient

        return ClusterClient.open(self.kubeconfig, self.context, self.target)


def _import_options(function: F) -> F:
    """Adds the options of an import, as one `ImportOptions`."""

    @functools.wraps(function)
    def command(
        *args: Any,
        files: tuple[Path, ...],
        everywhere: bool,
        namespace: str,
        target: str,
        folder: Path | None,
        with_secrets: bool,
        offline: bool,
        check: bool,
        kubeconfig: str | None,
        context: str | None,
        **options: Any,
    ) -> Any:
        chosen = ImportOptions(
            files=files,
            everywhere=everywhere,
            namespace=namespace,
            target=target,
            folder=folder,
            with_secrets=with_secrets,
            offline=offline,
            check=check,
            kubeconfig=kubeconfig,
            context=context,
        )
        return function(*args, chosen=chosen, **options)

    file = click.Path(path_type=Path)
    several = (
        click.option("-f", "--file", "files", multiple=True, type=file, help="Read this file or directory; repeatable."),
        click.option("-A", "--all", "everywhere", is_flag=True, help="Read the objects of all namespaces."),
        click.option(
            "-n",
            "--namespace",
            default="",
            help="Read the objects of this namespace.  [default: argocd or flux-system]",
            shell_complete=complete.namespaces,
        ),
        click.option(
            "--to-namespace",
            "target",
            default="gitops-system",
            show_default=True,
            help="The namespace of the agent, for all that is imported: it works on the Applications there alone.",
            shell_complete=complete.namespaces,
        ),
        click.option(
            "-o",
            "--output-directory",
            "folder",
            type=file,
            default=None,
            help="Write resources and report into this directory instead of printing the resources.",
        ),
        click.option("--with-secrets", is_flag=True, help="Write copies of Secrets into that directory, too."),
        click.option("--offline", is_flag=True, help="Read no repositories: names of revisions decide what they are."),
        click.option(
            "--check", is_flag=True, help="Show the plan of each Application against the cluster, and print no resources."
        ),
    )
    result = out.connection_options(command)
    for option in reversed(several):
        result = option(result)
    return cast("F", result)


@click.group("import")
def import_resources() -> None:
    """Translate resources of another tool into Applications and Notifiers.

    Nothing is written to the cluster, and what is imported observes until its mode is set.
    """


@import_resources.command()
@click.option("--cluster", default="", help="The address or name by which Argo CD calls this cluster, where it runs elsewhere.")
@_import_options
def argo(chosen: ImportOptions, *, cluster: str) -> None:
    """Import Applications, ApplicationSets and AppProjects of Argo CD.

    Exit codes: 0 everything has an equivalent or an explanation, 3 an object or field has none that is known, or --check shows
    differences.
    """
    from gitops_agent.importer.argo import HOME, import_argo
    from gitops_agent.importer.tables.all_tables import ARGO_TABLES

    _run("argo", chosen, home=HOME, tables=ARGO_TABLES, translate=import_argo, cluster=cluster)


@import_resources.command()
@_import_options
def flux(chosen: ImportOptions) -> None:
    """Import Kustomizations, HelmReleases, their sources and Alerts of Flux.

    Exit codes: 0 everything has an equivalent or an explanation, 3 an object or field has none that is known, or --check shows
    differences.
    """
    from gitops_agent.importer.flux import HOME, import_flux
    from gitops_agent.importer.tables.all_tables import FLUX_TABLES

    _run("flux", chosen, home=HOME, tables=FLUX_TABLES, translate=import_flux)


import_resources.add_command(helm)


def _run(tool: str, chosen: ImportOptions, *, home: str, tables: Any, translate: Any, cluster: str = "") -> None:
    from gitops_agent.cli.import_input import credentials_of, peer_objects, secrets_of
    from gitops_agent.importer.context import ImportContext
    from gitops_agent.importer.git_repositories import GitRepositories
    from gitops_agent.importer.repositories import UnreadRepositories
    from gitops_agent.importer.result import result_of

    peers = peer_objects(chosen, home=home, kinds=[table.kind for table in tables])
    if not chosen.files and not chosen.everywhere:
        out.talk(f"reading namespace {chosen.namespace or home}; --all reads every namespace")
    with tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch:
        reader = GitRepositories(Path(scratch), credentials_of(tool, peers, chosen))
        try:
            context = ImportContext(
                peers=peers,
                repositories=UnreadRepositories() if chosen.offline else reader,
                home=home,
                target=chosen.target,
                cluster=cluster,
            )
            result = result_of(tool, translate(context))
        finally:
            reader.close()
    if not result.reports:
        out.talk("there is nothing to import")
        return
    secrets = secrets_of(tool, result, context, chosen)
    sys.exit(_end(result, chosen, secrets))


def _end(result: ImportResult, chosen: ImportOptions, secrets: list[Any]) -> int:
    """Writes or prints the result; returns the exit code."""
    from gitops_agent.importer import report_text
    from gitops_agent.manifest.yaml import dump_all

    if chosen.folder is not None:
        from gitops_agent.importer.output_directory import write

        for file in write(chosen.folder, result, secrets):
            click.echo(str(file))
    elif not chosen.check:
        click.echo(dump_all(result.resources), nl=False)
    for report in result.left:
        out.talk(f"not imported: {report.source}: {'; '.join(report.reasons)}")
    for report in result.reports:
        for name, problems in report.problems.items():
            out.talk(f"refused by this version: {name}: {'; '.join(map(str, problems))}")
    out.talk(report_text.summary(result))
    code = 0 if result.complete else DIFFERENT
    if chosen.check:
        from gitops_agent.cli.import_check import check

        code = max(code, check(chosen.cluster(), result))
    return code
