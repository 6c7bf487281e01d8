"""`gitops-agent wait APP`: waits until synced and healthy, held, or timed out."""

from __future__ import annotations

import sys

import click

from gitops_agent.api.conditions import condition_of
from gitops_agent.api.reasons import reason_of
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT, HELD
from gitops_agent.cli.status import held, summary
from gitops_agent.cli.watch_until import seconds_of, until
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object


@click.command()
@click.argument("name")
@click.option("--timeout", default="5m", show_default=True, help="The timeout, such as 90s or 10m.")
@click.option("--revision", default="", help="Wait until this commit (or its first digits) is applied.")
@out.cluster_options
def wait(name: str, *, timeout: str, revision: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Wait until an application is synced, healthy, and its rollouts have finished.

    Exit codes: 0 it is; 3 timed out, or the failure will not pass by itself, such as a rollout that was rolled back or paused;
    4 its plan, or a step of a rollout, waits for approval.
    """
    seconds = seconds_of(timeout, "--timeout")
    access = ClusterClient.open(kubeconfig, context, namespace)
    access.application(name)
    last = ""

    def seen(application: Object) -> None:
        nonlocal last
        row = summary(application)
        text = f"{row['sync']}, {row['health']}: {row['message']}"
        if text != last:
            out.talk(out.line(text))
            last = text

    result = until(access, name, lambda live: ended(live, revision), seconds=seconds, seen=seen)
    if result is None:
        out.talk(f"not within {timeout}")
        sys.exit(DIFFERENT)
    row = summary(result)
    click.echo(out.line(f"application/{name} {row['sync']}, {row['health']}: {row['message']}"))
    sys.exit(outcome(result))


def outcome(application: Object) -> int:
    """The exit code of a wait."""
    if held(application):
        return HELD
    return 0 if summary(application)["ready"] == "True" else DIFFERENT


def ended(application: Object, revision: str = "") -> bool:
    """Whether there is nothing left to wait for.

    True when it is ready, held or failed, at the given revision and the current spec.
    """
    status = application.get("status") or {}
    if status.get("observedGeneration") != application["metadata"].get("generation"):
        return False
    fetched = str((status.get("source") or {}).get("revision") or "")
    if revision and not fetched.startswith(revision):
        return False
    row = summary(application)
    if row["ready"] == "True":
        return row["applied"] != "" and fetched.startswith(row["applied"])
    if row["reason"] == "RolloutPaused":  # by a user, by unreadable metrics, or for an approval: never ends by itself
        return True
    return (row["ready"] == "False" and not reason_of(row["reason"]).passes) or bool(condition_of(application, "Stalled"))
