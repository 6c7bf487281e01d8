"""`gitops-agent install`: prints or applies the agent's own objects."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cli.watch_until import seconds_of, until
from gitops_agent.errors import UsageError

if TYPE_CHECKING:
    from gitops_agent.cluster.client import ClusterClient

_LOOK_SECONDS = 5.0
_NO_IMAGE = "no registry serves an image of the agent: build it from the Dockerfile, push it, and name it with --image"
_ADMINISTRATOR = (
    "note: the agent's ServiceAccount is equivalent to a cluster administrator, and so are those who write Applications;"
    " --read-only leaves that role out"
)


@click.command()
@click.option("--apply", "applies", is_flag=True, help="Apply to the cluster instead of printing.")
@click.option("--read-only", is_flag=True, help="Leave out the role that lets the agent change the cluster.")
@click.option("--image", default="", help="The image of the agent, such as registry.example.com/gitops-agent:0.1.0.")
@out.wait_options("With --apply, wait until the agent runs.", timeout="2m")
@out.cluster_options
def install(
    *,
    applies: bool,
    read_only: bool,
    image: str,
    waits: bool,
    timeout: str,
    kubeconfig: str | None,
    context: str | None,
    namespace: str,
) -> None:
    """Print or apply the CRDs, RBAC and Deployment of the agent.

    Prints YAML; --apply applies it instead, and waits until the agent runs. Applying it again changes nothing. Exits with 3
    when the agent does not run in time.
    """
    seconds = seconds_of(timeout, "--timeout")
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
    if not read_only:
        click.echo(_ADMINISTRATOR, err=True)
    if not applies:
        click.echo(dump_all(manifests), nl=False)
        return
    from gitops_agent.cluster.client import ClusterClient

    access = ClusterClient.open(kubeconfig, context, namespace)

    def report(key: ObjectKey, changed: bool) -> None:  # noqa: FBT001 - the installation calls it so
        click.echo(f"{key} {'applied' if changed else 'unchanged'}")

    if not image:
        out.talk(f"warning: {_NO_IMAGE}")
    bundle.install(access.objects, manifests, report)
    if not waits:
        return
    if problem := _problem(access, seconds):
        out.talk(out.line(f"the agent does not run: {problem}"))
        sys.exit(DIFFERENT)
    out.talk("the agent runs; next, check it with `gitops-agent check --as-agent`, and create an Application")


def _problem(access: ClusterClient, seconds: float) -> str:
    """Why the agent does not run in time; empty when it does."""
    from gitops_agent.install import bundle
    from gitops_agent.manifest.kinds import DEPLOYMENT
    from gitops_agent.sync.health import Status, assess
    from gitops_agent.sync.health.explainer import Explainer

    explainer, key = Explainer(access.objects), DEPLOYMENT.named(bundle.NAMESPACE, bundle.NAME)
    deadline, problem = time.monotonic() + seconds, f"not within {seconds:g} s"
    while (left := deadline - time.monotonic()) > 0:
        available = until(
            access,
            key.name,
            lambda live: assess(live).status is Status.HEALTHY,
            seconds=min(left, _LOOK_SECONDS),
            seen=lambda _: None,
            kind=key.kind,
            group=key.group,
            namespace=key.namespace,
        )
        if available is not None:
            return ""
        explanation = explainer.explain(key)
        if explanation is not None:
            advice = f"; {_NO_IMAGE}" if explanation.reason == "ImagePullFailed" else ""
            problem = f"{explanation.message} ({explanation.reason}){advice}"
            if explanation.certain:
                break
    return problem
