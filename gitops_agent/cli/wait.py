"""`gitops-agent wait APP`: waits until synced and healthy, held, or timed out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import NoReturn

import click

from gitops_agent.api.application_row import held, summary
from gitops_agent.api.conditions import condition_of
from gitops_agent.api.reasons import reason_of
from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT, HELD
from gitops_agent.cli.watch_until import seconds_of, until
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.revision_name import short
from gitops_agent.operations.agent_lease import absence
from gitops_agent.operations.pause import pause_of

_LASTING = frozenset({"RolloutPaused", "WindowClosed"})
"""Reasons that pass later than a command waits: a user, unreadable metrics, an approval or a window decide."""
_AGENT_SECONDS = 30.0
"""How long an agent may take to start."""


@click.command()
@click.argument("name", shell_complete=complete.applications)
@click.option("--timeout", default="5m", show_default=True, help="The timeout, such as 90s or 10m.")
@click.option("--revision", default="", help="Wait until this commit (or its first digits) is applied.")
@out.cluster_options
def wait(name: str, *, timeout: str, revision: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Wait until an application is synced, healthy, and its rollouts have finished.

    Exit codes: 0 it is; 3 timed out, or the failure will not pass by itself, such as a rollout that was rolled back or paused;
    4 its plan, or a step of a rollout, waits for approval. An application that is paused or waits for a window is 3 at once;
    one that no agent has reconciled is 3 after half a minute without an agent.
    """
    seconds = seconds_of(timeout, "--timeout")
    access = ClusterClient.open(kubeconfig, context, namespace)
    application = access.application(name)
    leave_if_paused(application)
    last = ""

    def seen(application: Object) -> None:
        nonlocal last
        row = summary(application)
        text = f"{row['sync']}, {row['health']}: {row['message']}"
        if text != last:
            out.talk(out.line(text))
            last = text

    def over(live: Object) -> bool:
        return ended(live, revision) or bool(pause_of(live))

    deadline = time.monotonic() + seconds
    if not _touched(application):
        _leave_without_agent(access, name, seconds=seconds)
    result = until(access, name, over, seconds=deadline - time.monotonic(), seen=seen)
    if result is None:
        out.talk(f"not within {timeout}{because(absence(access))}")
        sys.exit(DIFFERENT)
    if not ended(result, revision):
        leave_if_paused(result)
    row = summary(result)
    click.echo(out.line(f"application/{name} {row['sync']}, {row['health']}: {row['message']}"))
    sys.exit(outcome(result))


def answer(access: ClusterClient, name: str, done: Callable[[Object], bool], *, timeout: str) -> NoReturn:
    """Waits for the agent's answer, prints it, and exits with its code.

    Args:
        access: the cluster.
        name: of the Application.
        done: whether the request was answered.
        timeout: as it was typed.
    """
    seconds = seconds_of(timeout, "--timeout")
    result = until(access, name, lambda live: done(live) or bool(pause_of(live)), seconds=seconds, seen=lambda _: None)
    if result is None:
        out.talk(f"no result within {timeout}{because(absence(access))}: see `gitops-agent status {name}`")
        sys.exit(DIFFERENT)
    leave_if_paused(result)
    row = summary(result)
    click.echo(out.line(f"application/{name} {row['sync']}, {row['health']}: {row['message']}"))
    sys.exit(outcome(result))


def leave_if_paused(application: Object) -> None:
    """Exits with 3, because nothing is applied during a pause."""
    if pause := pause_of(application):
        name = application["metadata"]["name"]
        out.talk(out.line(f"application/{name} is {pause}: resume it first with `gitops-agent resume {name}`"))
        sys.exit(DIFFERENT)


def because(reason: str) -> str:
    """The reason in brackets; empty when there is none."""
    return f" ({reason})" if reason else ""


def _touched(application: Object) -> bool:
    """Whether an agent has ever reconciled it."""
    return bool((application.get("status") or {}).get("observedGeneration"))


def _leave_without_agent(access: ClusterClient, name: str, *, seconds: float) -> None:
    """Exits with 3 when no agent runs and none starts soon."""
    if not (reason := absence(access)):
        return
    out.talk(f"{reason}; waiting {min(seconds, _AGENT_SECONDS):g}s for one to start")
    started = until(access, name, _touched, seconds=min(seconds, _AGENT_SECONDS), seen=lambda _: None) is not None
    if not started and (reason := absence(access)):
        out.talk(f"{reason}: see `gitops-agent check`")
        sys.exit(DIFFERENT)


def outcome(application: Object) -> int:
    """The exit code of a wait."""
    if held(application):
        return HELD
    return 0 if summary(application)["ready"] == "True" else DIFFERENT


def _refused(status: Object, revision: str) -> bool:
    """Whether a commit is one that is refused for its signature."""
    unverified = (status.get("source") or {}).get("unverified") or {}
    return any(str(each.get("commit") or "").startswith(revision) for each in unverified.get("commits") or ())


def ended(application: Object, revision: str = "") -> bool:
    """Whether there is nothing left to wait for.

    True when it is ready, held or failed, at the given revision and the current spec.
    """
    status = application.get("status") or {}
    if status.get("observedGeneration") != application["metadata"].get("generation"):
        return False
    fetched = str((status.get("source") or {}).get("revision") or "")
    if revision and not fetched.startswith(revision):
        return _refused(status, revision)
    row = summary(application)
    if row["ready"] == "True":
        return row["applied"] != "" and short(fetched) == row["applied"]
    if row["reason"] in _LASTING:
        return True
    return (row["ready"] == "False" and not reason_of(row["reason"]).passes) or bool(condition_of(application, "Stalled"))
