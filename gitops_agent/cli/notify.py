"""`gitops-agent notify test NAME`: sends a test message by a Notifier.

The request is an annotation that the agent answers in the Notifier's status: so it is the agent's way to the receiver, its
Secret and its limits that are tried, RBAC decides who may ask, and no user needs the right to read the Secret.
"""

from __future__ import annotations

import sys

import click

from gitops_agent.cli import complete
from gitops_agent.cli import output as out
from gitops_agent.cli.exit_codes import DIFFERENT
from gitops_agent.cli.wait import because
from gitops_agent.cli.watch_until import seconds_of, until
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.key import Object
from gitops_agent.operations import notifier_test
from gitops_agent.operations.agent_lease import absence


@click.group()
def notify() -> None:
    """Try Notifiers."""


@notify.command()
@click.argument("name", shell_complete=complete.notifiers)
@click.option("--timeout", default="30s", show_default=True, help="The timeout, such as 10s or 1m.")
@out.cluster_options
def test(name: str, *, timeout: str, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Send a test message by a Notifier, and print the verdict.

    The agent sends it, once and at once, whatever the Notifier's events are. Asking needs the right to patch the Notifier.

    Exit codes: 0 the receiver took it; 1 it was refused, or the Notifier is invalid; 3 no answer of the agent within the
    timeout.
    """
    seconds = seconds_of(timeout, "--timeout")  # refused before anything is changed
    access = ClusterClient.open(kubeconfig, context, namespace)
    notifier = access.one("Notifier", name)
    notifier_test.refuse_invalid(notifier)
    request = notifier_test.request_test(access, notifier)

    def answered(live: Object) -> bool:
        return notifier_test.answer(live, request) is not None

    live = until(access, name, answered, seconds=seconds, seen=lambda _: None, kind="Notifier")
    result = notifier_test.answer(live, request) if live is not None else None
    if result is None:
        out.talk(f"no answer within {timeout}{because(absence(access))}: see `gitops-agent get notifiers {name}`")
        sys.exit(DIFFERENT)
    result.check()
    click.echo(out.line(f"notifier/{name} delivered: {result.message}"))
