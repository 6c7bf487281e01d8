"""`gitops-agent render-worker`: the process that renders, without any credential."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import click

from gitops_agent.cli import output as out
from gitops_agent.errors import UsageError

_PROGRAM = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--socket", "path", type=click.Path(path_type=Path), help="Listen here; else the agent starts this process.")
@click.option("--scratch", type=click.Path(path_type=Path), help="A folder for copies of files.  [default: TMPDIR]")
@click.option("--helm", type=_PROGRAM, help="The helm program; looked for on PATH and in the tool cache when absent.")
@click.option("--kustomize", type=_PROGRAM, help="The kustomize program; likewise.")
def render_worker(path: Path | None, scratch: Path | None, helm: Path | None, kustomize: Path | None) -> None:
    """Render for an agent, over a Unix socket.

    Holds no credential, has no network where the kernel can take it away, and reads what the agent sends. The agent starts it
    by itself; with --socket it runs in a container of its own.
    """
    from gitops_agent.render.binaries import candidates
    from gitops_agent.render.scratch import workspace
    from gitops_agent.render.worker.confinement import confine
    from gitops_agent.render.worker.supervisor import Supervisor, listen

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    programs = {"helm": helm, "kustomize": kustomize}
    with contextlib.ExitStack() as files:
        if path is not None:
            incoming, folder = listen(path), files.enter_context(workspace(scratch))
        elif scratch is not None and stat.S_ISSOCK(os.fstat(0).st_mode):
            incoming, folder = socket.socket(fileno=0), scratch
        else:
            raise UsageError("there is no agent: standard input is no socket, and --socket is not given")
        allowed = [program for name, explicit in programs.items() for program in candidates(name, explicit)]
        confinement = confine(scratch=folder, programs=allowed, own_user=path is not None)
        if path is not None:
            network = {"namespace": "none", "landlock": "no TCP"}.get(confinement.network, "NOT CONFINED")
            readable = "programs and scratch folder" if confinement.files else "NOT CONFINED"
            out.talk(f"rendering at {path}; network: {network}; files: {readable}")
        Supervisor(incoming, folder, programs).run()
