"""`gitops-agent dashboard`: the page on this machine, as its user."""

from __future__ import annotations

import signal
import threading
import webbrowser

import click

from gitops_agent.cli import output as out


@click.command()
@click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="The Applications of all namespaces.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes a free one.")
@click.option("--open/--no-open", "opens", default=False, help="Open the page in the browser.")
@out.cluster_options
def dashboard(*, everywhere: bool, port: int, opens: bool, kubeconfig: str | None, context: str | None, namespace: str) -> None:
    """Serve the dashboard on 127.0.0.1 until interrupted.

    Everything is read and done with your kubeconfig, so RBAC and the audit log know you. The address holds a code that opens
    one browser session, once.
    """
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.server.local_dashboard import LocalDashboard

    access = ClusterClient.open(kubeconfig, context, namespace)
    laptop = LocalDashboard(access, everywhere=everywhere, cluster=context or access.transport.host, port=port)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    laptop.start()
    click.echo(laptop.address)
    out.talk("the address opens one browser session; Ctrl-C ends the dashboard")
    if opens:
        webbrowser.open(laptop.address)
    stopped.wait()
    laptop.stop()
