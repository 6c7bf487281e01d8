"""`gitops-agent create APP --repo URL --path PATH`: creates an Application from options.

The spec is checked with the agent's own parser before anything is sent, so what is created or exported is what the agent takes.
An Application that exists is not changed: its place is Git, and `--export` prints what to commit.
"""

from __future__ import annotations

from typing import Any

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cluster.client import NOT_INSTALLED, ClusterClient
from gitops_agent.errors import Conflict, UnknownKind, UsageError
from gitops_agent.manifest.key import Object

_REFS = ("branch", "tag", "semver", "commit")


@click.command()
@click.argument("name")
@click.option("--repo", required=True, help="The repository: https://, ssh://, user@host:path.")
@click.option("--path", default=".", show_default=True, help="The directory to render.")
@click.option("--branch", default=None, help="Follow a branch; main when nothing else is given.")
@click.option("--tag", default=None, help="Follow a tag.")
@click.option("--semver", default=None, help="Follow the highest version tag of a range, such as ^1.2.")
@click.option("--commit", default=None, help="Stay at one commit, given in full.")
@click.option("--secret", default=None, help="The Secret with the credentials of the repository.")
@click.option(
    "--dest-namespace", default=None, help="The namespace of objects that name none.", shell_complete=complete.namespaces
)
@click.option("--create-namespace", is_flag=True, help="Create and own that namespace.")
@click.option("--service-account", default=None, help="The ServiceAccount to write as.")
@click.option("--values", multiple=True, help="A values file of a Helm chart, relative to the root; repeatable.")
@click.option("--mode", type=click.Choice(("auto", "manual", "observe")), default=None, help="auto by default.")
@click.option("--interval", default=None, help="The interval of polling, such as 1m.")
@click.option("--prune/--no-prune", default=True, help="Whether objects that are no longer declared are deleted.")
@click.option("--depends-on", multiple=True, help="An Application that must be ready first; repeatable.")
@click.option("--orphan", is_flag=True, help="Keep the objects when the Application is deleted.")
@click.option("-l", "--label", "labels", multiple=True, metavar="NAME=VALUE", help="A label of the Application; repeatable.")
@click.option("--export", is_flag=True, help="Print the Application as YAML for Git, and create nothing.")
@out.cluster_options
def create(name: str, *, export: bool, kubeconfig: str | None, context: str | None, namespace: str, **options: Any) -> None:
    """Create an Application, or print it for Git with --export.

    One that exists is not changed.
    """
    application = manifest(name, namespace, **options)
    if export:
        out.document(application, "yaml")
        return
    access = ClusterClient.open(kubeconfig, context, namespace)
    try:
        access.objects.create(application)
    except Conflict as error:
        raise UsageError(
            f"Application {name} exists in namespace {namespace} and is not changed: "
            "commit what --export prints, or pipe it to `kubectl apply --server-side -f -`"
        ) from error
    except UnknownKind as error:
        raise UsageError(NOT_INSTALLED) from error
    out.names("Application", [application])
    out.talk(f"created; `gitops-agent wait {name}` waits until it is synced and healthy")


def manifest(name: str, namespace: str, **options: Any) -> Object:
    """The Application that the options describe, without defaults of the API.

    Raises:
        UsageError: the agent would refuse its spec; the message names every problem.
    """
    from gitops_agent.api.application import API_VERSION, KIND
    from gitops_agent.api.parse import SpecInvalid, parse

    refs = {kind: options[kind] for kind in _REFS if options[kind]}
    source = {"repoURL": options["repo"], "ref": refs or {"branch": "main"}, "path": options["path"]}
    if options["secret"]:
        source["secretRef"] = {"name": options["secret"]}
    destination = {"namespace": options["dest_namespace"], "createNamespace": options["create_namespace"] or None}
    sync = {"mode": options["mode"], "interval": options["interval"], "prune": None if options["prune"] else False}
    spec = {
        "source": source,
        "render": {"helm": {"valuesFiles": list(options["values"])}} if options["values"] else None,
        "destination": _given(destination),
        "serviceAccountName": options["service_account"],
        "sync": _given(sync),
        "dependsOn": [{"name": other} for other in options["depends_on"]] or None,
        "deletionPolicy": "orphan" if options["orphan"] else None,
    }
    metadata: Object = {"name": name, "namespace": namespace}
    if options["labels"]:
        metadata["labels"] = _labels(options["labels"])
    result: Object = {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": _given(spec)}
    try:
        parse(result)
    except SpecInvalid as error:
        raise UsageError(str(error)) from error
    return result


def _given(fields: Object) -> Object | None:
    """The fields that have a value, None when there are none."""
    return {name: value for name, value in fields.items() if value is not None} or None


def _labels(pairs: tuple[str, ...]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise UsageError(f"--label {pair}: say NAME=VALUE, such as team=shop")
        labels[name] = value
    return labels
