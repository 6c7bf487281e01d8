"""`gitops-agent install`: prints or applies the agent's own objects."""

from __future__ import annotations

import click

from gitops_agent.cli import output as out
from gitops_agent.errors import UsageError


@click.command()
@click.option("--apply", "applies", is_flag=True, help="Apply to the cluster instead of printing.")
@click.option("--read-only", is_flag=True, help="Leave out the role that lets the agent change the cluster.")
@click.option("--image", default="", help="The image of the agent, such as registry.example.com/gitops-agent:0.1.0.")
@out.cluster_options
def install(*, applies: bool, read_only: bool, image: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Print or apply the CRDs, RBAC and Deployment of the agent.

    Prints YAML; --apply applies it instead. Applying it again changes nothing.
    """
    from gitops_agent.install import bundle
    from gitops_agent.manifest.canonical import copy
    from gitops_agent.manifest.key import ObjectKey
    from gitops_agent.manifest.yaml import dump_all

    if namespace != bundle.NAMESPACE:
        raise UsageError(f"the agent installs into {bundle.NAMESPACE}; another namespace takes an overlay of deploy/")
    manifests = bundle.manifests(bundle.Flavour.READ_ONLY if read_only else bundle.Flavour.FULL)
    if image:
        manifests = [copy(obj) for obj in manifests]
        for obj in manifests:
            if obj["kind"] == "Deployment":
                obj["spec"]["template"]["spec"]["containers"][0]["image"] = image
    if not applies:
        click.echo(dump_all(manifests), nl=False)
        return
    from gitops_agent.cluster.client import ClusterClient

    access = ClusterClient.open(kubeconfig, context, namespace)

    def report(key: ObjectKey, changed: bool) -> None:  # noqa: FBT001 - the installation calls it so
        click.echo(f"{key} {'applied' if changed else 'unchanged'}")

    bundle.install(access.objects, manifests, report)
