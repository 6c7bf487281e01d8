"""`gitops-agent lock APP`: the version that a range stands for."""

from __future__ import annotations

from pathlib import Path

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError


@click.command()
@click.argument("name", shell_complete=complete.applications)
@click.option(
    "--write",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write version and digest into this file, which declares the Application.",
)
@out.cluster_options
def lock(name: str, *, file: Path | None, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Print the version of an application's chart, or write it.

    With its digest. A range such as ~6.5 then moves by commits alone. Dependencies of the chart that were fetched are printed,
    too; a chart in Git names them in its Chart.lock.
    """
    from gitops_agent.manifest.yaml import dump
    from gitops_agent.operations.chart_lock import dependencies_of, has_chart, locked, pin_of

    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    if file is None:
        dependencies = dependencies_of(application)
        if has_chart(application) or not dependencies:
            pin = pin_of(application)
            click.echo(f'version: {pin.version}\ndigest: "{pin.digest}"')
        if dependencies:
            click.echo(dump({"dependencies": dependencies}), nl=False)
        return
    pin = pin_of(application)
    try:
        data = file.read_bytes()
        file.write_bytes(locked(data, name, pin, file=str(file)))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{file} cannot be changed: {error}") from error
    click.echo(f"{file}: {name} follows {pin.version}, {pin.digest}")
