"""`gitops-agent history APP`: what was synced when, by whom, with which result."""

from __future__ import annotations

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.access import Access

_SHORT = 12


@click.command()
@click.argument("name")
@out.output_option
@out.cluster_options
def history(name: str, *, output: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Print the last twenty syncs of an application, newest first."""
    entries = (Access.open(kubeconfig, context, namespace).application(name).get("status") or {}).get("history") or []
    if output in ("json", "yaml"):
        out.document(entries, output)
    elif output == "name":
        for entry in entries:
            click.echo(entry["revision"])
    elif entries:
        rows = [
            (
                str(entry.get("started", "")),
                str(entry.get("revision", ""))[:_SHORT],
                str(entry.get("result", "")),
                str(entry.get("duration", "")),
                str(entry.get("plan", ""))[:_SHORT],
                str(entry.get("actor", "")),
                str(entry.get("message", "")),
            )
            for entry in entries
        ]
        out.table(("started", "revision", "result", "took", "plan", "actor", "message"), rows)
    else:
        out.talk(f"nothing of {name} was synced yet")
