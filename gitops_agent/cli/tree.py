"""`gitops-agent tree APP`: the application's objects and dependants, with health."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.status import summary
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.marks import HOOK_RUN, ROLLOUT, annotation
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
    if output in ("json", "yaml"):
        blind = {str(kind): why for kind, why in sorted(unseen.items())}
        out.document({"application": name, "objects": roots, "cannotSee": blind}, output)
    elif output == "name":
        for obj in objects:
            click.echo(str(ObjectKey.of(obj)))
    else:
        _draw(application, roots)
    for kind, why in sorted(unseen.items()):
        out.talk(f"cannot see {kind}: {why}")


def rooted(objects: list[Object], below: dict[str, list[Object]]) -> list[Object]:
    """The trees of some objects; a rollout's workloads under its policy."""
    from gitops_agent.api.rollout_policy import KIND
    from gitops_agent.rollout.progress import RolloutProgress

    policies = {RolloutProgress.of(obj).workload: obj for obj in objects if obj["kind"] == KIND}
    makers = {(key.namespace, key.name): str(obj["metadata"]["uid"]) for key, obj in policies.items()}
    nodes: dict[str, list[Object]] = {}
    for obj in objects:
        maker = makers.get((str(obj["metadata"].get("namespace") or ""), annotation(obj, ROLLOUT) or ""))
        if maker is not None:
            nodes.setdefault(maker, []).append(obj)
    hung = {str(obj["metadata"]["uid"]) for parts in nodes.values() for obj in parts}
    below = {**below, **{uid: [*below.get(uid, []), *parts] for uid, parts in nodes.items()}}
    roots = []
    for obj in objects:
        if str(obj["metadata"]["uid"]) not in hung:
            root = node(obj, below)
            roots.append(root | {"message": RolloutProgress.of(obj).message, "told": True} if obj["kind"] == KIND else root)
    return roots


def node(obj: Object, below: dict[str, list[Object]]) -> Object:
    """An object with its health and dependants, as JSON values."""
    from gitops_agent.sync.health import assess

    health = assess(obj)
    hook = annotation(obj, HOOK_RUN) is not None
    parts = sorted(below.get(str(obj["metadata"]["uid"]), []), key=ObjectKey.of)
    return {
        "object": str(ObjectKey.of(obj)),
        "past": obj["kind"] == "ReplicaSet" and (obj.get("spec") or {}).get("replicas") == 0,
        "health": health.status.value,
        "reason": health.reason,
        "hook": hook,
        "message": health.message,
        "told": health.status.value != "Healthy",
        "children": [node(part, below) for part in parts],
    }


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
