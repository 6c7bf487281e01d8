"""`gitops-agent version`: versions of the agent, its tools and the cluster."""

from __future__ import annotations

import platform

import click

from gitops_agent import __version__
from gitops_agent.cli import output as out
from gitops_agent.errors import AgentError


@click.command()
@out.output_option
@out.cluster_options
def version(*, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Print the versions of the agent, its tools and the cluster.

    The tools are Python, helm, kustomize and git; the cluster is left out when it does not answer.
    """
    from gitops_agent.operations.tool_versions import tool_versions

    del namespace
    rows = {
        "gitops-agent": __version__,
        "python": platform.python_version(),
        **tool_versions(),
        "cluster": _cluster(kubeconfig, context),
    }
    if output in ("json", "yaml"):
        out.document(rows, output)
    elif output == "name":
        click.echo(f"gitops-agent/{__version__}")
    else:
        out.table(("what", "version"), list(rows.items()))


def _cluster(kubeconfig: str | None, context: str | None) -> str:
    from gitops_agent.cluster.transport import Transport

    try:
        answer = Transport.auto(kubeconfig, context).request("GET", "/version", timeout=5.0)
        return str(answer["gitVersion"])
    except AgentError as error:
        return f"not reached: {error}"
