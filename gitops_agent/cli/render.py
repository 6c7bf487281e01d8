"""`gitops-agent render PATH`: renders a local directory and prints its objects."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitops_agent.cli import output as out
from gitops_agent.errors import UsageError

if TYPE_CHECKING:
    from gitops_agent.api.application import Application
    from gitops_agent.render.variables.variable import Variable
    from gitops_agent.revision.tree import Tree


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--application", default="", help="Use the options, namespace and name of this Application.")
@click.option("--name", default="app", show_default=True, help="The release name for Helm, without --application.")
@click.option("-f", "--values", "values", multiple=True, help="A Helm values file relative to the chart; repeatable.")
@click.option("--variable", "given", multiple=True, metavar="NAME=VALUE", help="A value for ${NAME}; repeatable.")
@click.option(
    "--decryption-key",
    "key_files",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file with keys for encrypted files; repeatable.  [default: where sops looks]",
)
@out.output_option
@out.cluster_options
def render(
    path: Path,
    *,
    application: str,
    name: str,
    values: tuple[str, ...],
    given: tuple[str, ...],
    key_files: tuple[Path, ...],
    output: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
) -> None:
    """Render a directory (kustomize, Helm or plain YAML) and print the objects.

    Needs no cluster, unless --application names the Application with the options. Variables are replaced as the Application
    says, or where --variable gives one; the latter win.

    Bases in other repositories that are pinned to a commit are fetched into the user's cache, without credentials. So are the
    charts that Chart.lock names; with --application with the credentials that it names for them.

    Files that sops encrypted are decrypted with keys of this machine: with --decryption-key, or where the Application decrypts.
    """
    from gitops_agent.api.parse import parse
    from gitops_agent.api.render_options import RenderOptions, Variables
    from gitops_agent.manifest.key import AppKey
    from gitops_agent.manifest.yaml import dump_all
    from gitops_agent.preview.chart_dependencies import with_dependencies
    from gitops_agent.preview.comparison import root_of
    from gitops_agent.preview.decryption_keys import decryption_keys
    from gitops_agent.preview.fetched_sources import chart_access, values_beside_directory, with_mounted_chart
    from gitops_agent.preview.remote_bases import mounted
    from gitops_agent.render.decryption.keys.kind import NO_KEYS
    from gitops_agent.render.decryption.local_keys import local_keys
    from gitops_agent.render.request import KubeFacts, RenderRequest
    from gitops_agent.render.worker.client import local_workers
    from gitops_agent.render.worktree import WorkTree

    root, below = root_of(path)
    chosen = {"helm": {"valuesFiles": list(values)}} if values else {}
    chosen |= {"decryption": {}} if key_files else {}
    options = RenderOptions.model_validate(chosen) if chosen else None
    key, target, variables, keys = AppKey(namespace, name), namespace, _given(given), local_keys(key_files) or NO_KEYS
    shown: Application | None = None
    if application:
        if values:
            raise UsageError("--values and --application exclude each other: the Application names its values files")
        from gitops_agent.cluster.client import ClusterClient
        from gitops_agent.preview.render_inputs import variables_of

        access = ClusterClient.open(kubeconfig, context, namespace)
        options_source = shown = parse(access.application(application))
        key, target, options = options_source.key, options_source.namespace, options_source.spec.render
        variables = (*variables_of(access, options_source), *variables)
        keys = decryption_keys(access, options_source, key_files)
    if given and (options is None or options.variables is None):
        options = (options or RenderOptions()).model_copy(update={"variables": Variables()})
    request = RenderRequest(
        application=key, path=below, options=options, namespace=target, facts=KubeFacts(), variables=variables, keys=keys
    )
    with (
        tempfile.TemporaryDirectory(prefix="gitops-agent-") as scratch,
        local_workers() as workers,
        mounted(WorkTree(root)) as bases,
        ExitStack() as held,
    ):
        tree: Tree = with_dependencies(bases)
        if shown is not None:
            tree = with_mounted_chart(bases, shown, Path(scratch), lambda *chart: chart_access(access, *chart))
            tree = with_dependencies(tree, shown, lambda *chart: chart_access(access, *chart))
            tree = held.enter_context(values_beside_directory(access, shown, tree, Path(scratch)))
        rendered = workers.render(tree, request)
    for warning in rendered.warnings:
        out.talk(f"warning: {warning}")
    objects = [manifest.constant for manifest in rendered.manifests]
    if output == "name":
        for manifest in rendered.manifests:
            click.echo(str(manifest.key))
    elif output == "json":
        out.document(objects, "json")
    else:
        click.echo(dump_all(objects), nl=False)


def _given(rows: tuple[str, ...]) -> tuple[Variable, ...]:
    """The variables of the command line."""
    from gitops_agent.render.variables.variable import NAME, Variable

    result = []
    for row in rows:
        name, separator, value = row.partition("=")
        if not separator or not NAME.fullmatch(name):
            raise UsageError(f"--variable takes NAME=VALUE, not {row[:80]!r}")
        result.append(Variable(name=name, value=value, source="--variable"))
    return tuple(result)
