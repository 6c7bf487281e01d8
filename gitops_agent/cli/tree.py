"""`gitops-agent tree APP`: the application's objects and dependants, with health."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitops_agent.api.application_row import summary
from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.operations.object_tree import rooted
from gitops_agent.preview.owned_objects import children, owned

if TYPE_CHECKING:
    from rich.tree import Tree


@click.command()
@click.argument("name", shell_complete=complete.applications)
@out.output_option
@out.cluster_options
def tree(name: str, *, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Show the objects of an application and their dependants, with health.

    Dependants are the ReplicaSets, Jobs, Pods and claims that one of them controls. ReplicaSets scaled to zero are left out of
    the picture, but not of the documents. Workloads made by a rollout are shown
    under its RolloutPolicy.
    """
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    objects, unseen = owned(access, AppKey(namespace, name))
    below, blind_below = children(access, objects)
    unseen |= blind_below
    objects.sort(key=ObjectKey.of)
    roots = rooted(objects, below)
    blind = out.cannot_see(unseen)
    if output in ("json", "yaml"):
        out.document({"application": name, "objects": roots, "cannotSee": blind}, output)
    elif output == "name":
        for obj in objects:
            click.echo(str(ObjectKey.of(obj)))
    else:
        _draw(application, roots)


def _draw(application: Object, roots: list[Object]) -> None:
    from rich.text import Text
    from rich.tree import Tree

    row = summary(application)
    facts = out.line(f"{row['sync']}, {row['health']}: {row['message']}")
    drawing = Tree(Text.assemble((f"Application {row['name']}", "bold"), f"  {facts}"))
    for root in roots:
        _hang(drawing, root)
    out.draw(drawing)


def _hang(parent: Tree, branch: Object) -> None:
    from rich.text import Text

    text = Text.assemble(branch["object"], "  ", (branch["health"], out.colour(branch["health"])))
    if branch["hook"]:
        text.append("  hook")
    if branch["message"] and branch["told"]:
        text.append(f"  {out.line(branch['message'])}")
    child = parent.add(text)
    for below in branch["children"]:
        if not below["past"] or below["children"]:
            _hang(child, below)
