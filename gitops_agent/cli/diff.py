"""`gitops-agent diff APP`: what a sync would change."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cluster.client import ClusterClient


@click.command()
@click.argument("name", shell_complete=complete.applications)
@click.option(
    "--path", type=click.Path(path_type=Path), default=None, help="Compare with this local directory, committed or not."
)
@click.option("--revision", default="", help="Compare with this branch, tag, commit (or its first digits) or HEAD~1 instead.")
@out.output_option
@out.cluster_options
def diff(
    name: str, *, path: Path | None, revision: str, output: str, kubeconfig: str | None, context: str | None, namespace: str
) -> None:
    """Show what a sync would change in the live cluster.

    The desired state is that of the repository, another revision, or a local directory. Every change is checked by a
    server-side dry run. Exit codes: 0 no differences, 3 differences.
    """
    from gitops_agent.cli.plan_view import document, show
    from gitops_agent.operations.sync_window import closed_window
    from gitops_agent.preview.comparison import PreviewTarget, compare

    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    preview = compare(access, application, PreviewTarget(revision=revision, path=path))
    window = closed_window(application)
    if output == "table":
        sys.exit(show(preview, window))
    if output == "name":
        for action in preview.plan.changes():
            click.echo(str(action.key))
    else:
        out.document(document(preview, window), output)
    sys.exit(DIFFERENT if preview.plan.changes() else 0)
