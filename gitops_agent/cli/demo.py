"""`gitops-agent demo`: the whole story on this machine."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import click

from gitops_agent.cli.exit_codes import ERROR


@click.command()
@click.option("--exit", "leave", is_flag=True, help="End after the story: 0 only if every step was observed in the cluster.")
@click.option("--dir", "directory", type=click.Path(path_type=Path), default=None, help="Keep everything in this folder.")
@click.option("--nodes", type=click.IntRange(1, 50), default=3, show_default=True, help="Fake nodes of the cluster.")
def demo(*, leave: bool, directory: Path | None, nodes: int) -> None:
    """Tell the whole story with a real control plane, real Git, kustomize and helm, and the real agent.

    An image bump, a canary that is promoted, a bad version that goes back by itself, its mended successor, a blue-green switch,
    a change by hand that is undone, a mass deletion that waits for approval.

    It keeps running until Ctrl-C, so that you can look around; --exit ends after the story.
    """
    from gitops_agent.errors import AgentError
    from gitops_agent.sandbox.demo.story import Story, scratch
    from gitops_agent.toolchain.progress import to_stderr

    with scratch(directory) as folder:
        story = Story(folder, to_stderr(), nodes)
        try:
            story.tell()
            total = sum(step.seconds for step in story.steps)
            click.echo(f"{len(story.steps)} steps, each observed in the cluster, in {total:.1f} s")
            if not leave and story.plane is not None:
                click.echo(f"look around:  export KUBECONFIG={story.plane.kubeconfig}")
                click.echo("              gitops-agent status; gitops-agent rollout status checkout; gitops-agent tree shop")
                click.echo(f"commit:       cd {folder}/work && git commit … && git push origin HEAD:main")
                click.echo("Ctrl-C ends it all.")
                threading.Event().wait()
        except AgentError as error:
            click.echo(f"the story failed: {error}", err=True)
            _tail(folder / "agent.log")
            sys.exit(ERROR)
        finally:
            story.close()


def _tail(log: Path, lines: int = 15) -> None:
    if log.is_file():
        click.echo("the agent's last words:", err=True)
        for line in log.read_text(errors="replace").splitlines()[-lines:]:
            click.echo(f"  {line[:500]}", err=True)
