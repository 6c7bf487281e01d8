"""`gitops-agent sandbox up|down|status`: a real control plane on loopback."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gitops_agent.cli.output import document, output_option, table, talk

if TYPE_CHECKING:
    from gitops_agent.sandbox.state import State

_NOT_HEALTHY = 3
_directory = click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="The sandbox's folder; removed by `down`.  [default: ~/.local/state/gitops-agent/sandbox]",
)


@click.group()
def sandbox() -> None:
    """Run a real control plane on this machine, with fake nodes.

    etcd, kube-apiserver, kube-controller-manager, kube-scheduler and KWOK run as plain processes on loopback. Pods become Ready
    at once; the annotation sandbox.gitops-agent.dev/pod (crash, hang, no-pull, probe-fails) makes them fail instead.
    """


@sandbox.command()
@_directory
@click.option("--nodes", type=click.IntRange(1, 5000), default=3, show_default=True, help="The number of fake nodes.")
@click.option(
    "--timeout", "timeout_seconds", type=float, default=120.0, show_default=True, help="The deadline for readiness, in seconds."
)
def up(directory: Path | None, nodes: int, timeout_seconds: float) -> None:
    """Start a control plane in the background and print its kubeconfig's path.

    Missing programs are installed first, see `gitops-agent tools`. The path is the last line on standard output:

        export KUBECONFIG=$(gitops-agent sandbox up | tail -n 1)
    """
    from gitops_agent.sandbox.controlplane import ControlPlane, status
    from gitops_agent.toolchain.progress import to_stderr

    folder = directory or default_directory()
    running = status(folder) is not None
    plane = ControlPlane.start(folder, nodes=nodes, progress=to_stderr(), timeout_seconds=timeout_seconds)
    state = plane.state()
    if running:
        talk(f"already running in {plane.directory}")
    version = version_of(state, "kube-apiserver")
    talk(f"API server: {state.url} (Kubernetes {version}), {state.nodes} nodes, was ready after {state.seconds:.1f} s")
    talk(f"end it with: gitops-agent sandbox down --dir {plane.directory}")
    click.echo(str(plane.kubeconfig))


@sandbox.command()
@_directory
def down(directory: Path | None) -> None:
    """Stop the control plane and remove its data."""
    from gitops_agent.sandbox.controlplane import stop

    folder = directory or default_directory()
    talk(f"ended, {folder} is removed" if stop(folder) else f"nothing was running in {folder}")


@sandbox.command("status")
@_directory
@output_option
@click.pass_context
def show(ctx: click.Context, directory: Path | None, output: str) -> None:
    """Show every component; exits with 3 unless all of them run."""
    from gitops_agent.sandbox.controlplane import status

    state = status(directory or default_directory())
    if output == "name":
        for part in state.components if state else ():
            click.echo(part.name)
    elif output == "table":
        if state is None:
            talk(_why_not(directory or default_directory()))
        else:
            _print(state)
    else:
        document(described(state), output)
    if state is None or not all(part.alive for part in state.components):
        ctx.exit(_NOT_HEALTHY)


def _why_not(directory: Path) -> str:
    """The reason why no sandbox runs in a folder."""
    from gitops_agent.sandbox.state import Phase, read_state

    last = read_state(directory)
    if last is None:
        return f"nothing is running in {directory}"
    if last.phase is Phase.FAILED:
        return f"the last start in {directory} failed: {last.error} (see {directory / 'logs'})"
    return f"nothing is running in {directory}: its supervisor {last.supervisor} was killed"


def described(state: State | None) -> dict[str, Any]:
    """The state as JSON values; `phase` is `down` when there is none."""
    return {"phase": "down", "components": []} if state is None else state.json()


def default_directory() -> Path:
    """The folder of the user's sandbox."""
    base = os.environ.get("XDG_STATE_HOME") or ""
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "state") / "gitops-agent" / "sandbox"


def version_of(state: State, component: str) -> str:
    """The version of one component."""
    return next((part.version for part in state.components if part.name == component), "")


def _print(state: State) -> None:
    rows = []
    for part in state.components:
        ended = "" if part.alive else f"ended with code {part.exit_code} at {part.ended_at}: {part.last_words}"
        ports = ", ".join(map(str, part.ports))
        url = state.url if part.name == "kube-apiserver" else ""
        rows.append((part.name, part.version, str(part.pid or ""), str(part.alive), ports, url, ended))
    table(("component", "version", "pid", "alive", "ports", "url", "note"), rows)
    talk(f"{state.phase}, supervisor {state.supervisor}, {state.nodes} nodes, started {state.started_at}")
