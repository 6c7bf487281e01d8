"""`gitops-agent import helm NAME`: takes a release of Helm over.

The Application is printed and observes; what would change is shown before it acts. `--retire` ends the release itself, after
its objects belong to the Application.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.errors import AgentError, NotFound, SourceError, UsageError
from gitops_agent.manifest.kinds import APPLICATION

if TYPE_CHECKING:
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.importer.helm_application import ChartOrigin
    from gitops_agent.importer.helm_release import HelmRelease
    from gitops_agent.manifest.key import Object

_SHOWN = 10


@click.command()
@click.argument("name")
@click.option(
    "-n",
    "--namespace",
    "release_namespace",
    default="default",
    show_default=True,
    help="The namespace of the release.",
    shell_complete=complete.namespaces,
)
@click.option(
    "--to-namespace",
    "target",
    default="gitops-system",
    show_default=True,
    help="The namespace for the Application.",
    shell_complete=complete.namespaces,
)
@click.option("--repository", default="", help="The repository of the chart, https:// or oci://.")
@click.option("--repo-url", default="", help="The Git repository that holds the chart, instead of a repository of charts.")
@click.option("--path", default="", help="The directory of the chart in the Git repository.")
@click.option("--branch", default="main", show_default=True, help="The branch of the Git repository.")
@click.option(
    "-o",
    "--output-directory",
    "folder",
    type=click.Path(path_type=Path),
    default=None,
    help="Write the Application, and the chart that the release carries, into this directory.",
)
@click.option("--check", is_flag=True, help="Show the plan of the Application against the cluster.")
@click.option("--retire", is_flag=True, help="Delete the Secrets of the release, once an Application has its objects.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@out.connection_options
def helm(
    name: str,
    *,
    release_namespace: str,
    target: str,
    repository: str,
    repo_url: str,
    path: str,
    branch: str,
    folder: Path | None,
    check: bool,
    retire: bool,
    yes: bool,
    kubeconfig: str | None,
    context: str | None,
) -> None:
    """Turn a release of Helm into an Application.

    Exit codes: 0 our render of its chart is what the release holds; 3 they differ, or the chart's repository is not named.
    """
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.importer.helm_application import ChartOrigin
    from gitops_agent.importer.helm_release import newest, read_release
    from gitops_agent.importer.helm_retirement import release_secrets

    if repository and repo_url:
        raise UsageError("--repository and --repo-url exclude each other")
    access = ClusterClient.open(kubeconfig, context, target)
    secrets = release_secrets(access, name, release_namespace)
    if not secrets:
        raise NotFound(f"there is no release {name} of Helm in the namespace {release_namespace}", status=404)
    if retire:
        _retire(access, name, secrets, yes=yes)
        return
    current = newest(secrets)
    if current is None:
        states = ", ".join(str(secret["metadata"]["labels"].get("status")) for secret in secrets)
        raise UsageError(f"no revision of {name} is deployed ({states}): repair the release with helm first")
    origin = ChartOrigin(repository=repository, repo_url=repo_url, path=path, branch=branch)
    sys.exit(_import(access, read_release(current), origin, folder, check=check))


def _import(access: ClusterClient, release: HelmRelease, origin: ChartOrigin, folder: Path | None, *, check: bool) -> int:
    """Prints or writes the Application and differences; returns the exit code."""
    from gitops_agent.importer.helm_application import application_of, sensitive
    from gitops_agent.manifest.yaml import dump

    application = application_of(release, origin, namespace=access.namespace)
    if folder is None:
        click.echo(dump(application), nl=False)
    else:
        _write(folder, release, application)
    chart = f"{release.chart.get('name')} {release.chart.get('version')}"
    out.talk(out.line(f"release {release.namespace}/{release.name}, revision {release.version}, of the chart {chart}"))
    secret = list(sensitive(release.values))
    if secret:
        out.talk(out.line(f"warning: move {', '.join(secret[:_SHOWN])} into a Secret and name it in render.helm.valuesFrom"))
    code = 0
    if not origin.known:
        out.talk("the release does not say where its chart is from: name it with --repository, or --repo-url and --path")
        code = DIFFERENT
    code = max(code, _compare(access, release))
    if check and origin.known:
        code = max(code, _plan(access, application))
    out.talk(
        out.line(
            f"once an Application has its objects: gitops-agent import helm {release.name} -n {release.namespace} --retire"
        )
    )
    return code


def _write(folder: Path, release: HelmRelease, application: Object) -> None:
    from gitops_agent.importer.helm_application import write_chart
    from gitops_agent.manifest.yaml import dump

    metadata = application["metadata"]
    file = folder / "resources" / f"{metadata['namespace']}.application.{metadata['name']}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(dump(application), encoding="utf-8")
    click.echo(str(file))
    chart = folder / "chart" / release.name
    if release.whole and not chart.exists():
        write_chart(release, chart)
        click.echo(str(chart))


def _compare(access: ClusterClient, release: HelmRelease) -> int:
    """Prints what differs between the release and our render of its chart."""
    from gitops_agent.importer.helm_comparison import differences
    from gitops_agent.preview.chart_dependencies import with_dependencies
    from gitops_agent.preview.comparison import kube_facts

    if not release.whole:
        out.talk("the release carries neither the dependencies of its chart nor a lock, so it is compared by --check only")
        return 0
    try:
        rows = differences(release, kube_facts(access), with_dependencies)
    except SourceError as error:
        out.talk(out.line(f"not compared, because a dependency of the chart cannot be fetched without credentials: {error}"))
        return DIFFERENT
    for row in rows:
        out.talk(out.line(f"{row.sign} {row.key}"))
        for name in row.fields:
            out.talk(out.line(f"    {name}"))
    out.talk(f"{len(rows)} objects differ from the release" if rows else "our render is what the release holds")
    return DIFFERENT if rows else 0


def _plan(access: ClusterClient, application: Object) -> int:
    from gitops_agent.cli.import_check import check_application

    return 0 if check_application(access, application) else DIFFERENT


def _retire(access: ClusterClient, name: str, secrets: list[Object], *, yes: bool) -> None:
    """Shows the Secrets, asks, and deletes them."""
    from gitops_agent.importer.helm_retirement import retire, retirement
    from gitops_agent.operations.requests import request_sync

    plan = retirement(access, secrets)
    for secret in plan.secrets:
        click.echo(out.coloured(f"- Secret {secret['metadata']['namespace']}/{secret['metadata']['name']}", "Degraded"))
    for application, count in sorted(plan.kept.items()):
        click.echo(f"= {count} object{'s' if count > 1 else ''} of Application {application} stay")
    if plan.foreign:
        shown = ", ".join(map(str, plan.foreign[:_SHOWN])) + (" and others" if len(plan.foreign) > _SHOWN else "")
        raise UsageError(f"{shown}: no Application has taken this over yet, so nothing would manage it without the release")
    if not yes:
        if not sys.stdin.isatty():
            raise UsageError("standard input is not a terminal: add --yes to delete without being asked")
        click.confirm(f"delete what Helm remembers of {name}, and nothing else?", abort=True, err=True)
    retire(access, plan.secrets)
    for application in plan.kept:
        with suppress(AgentError):  # its warning goes with the next commit at the latest
            request_sync(access, access.objects.get(APPLICATION.named(application.namespace, application.name)))
    out.talk(f"{len(plan.secrets)} Secrets are deleted; helm does not know {name} any more")
