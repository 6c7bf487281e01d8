"""`gitops-agent demo`: runs the demo on this machine."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import click

from gitops_agent.cli.exit_codes import ERROR


@click.command()
@click.option("--exit", "leave", is_flag=True, help="Exit after the last step; 0 only if every step was observed.")
@click.option("--dir", "directory", type=click.Path(path_type=Path), default=None, help="The folder for all data of the demo.")
@click.option("--nodes", type=click.IntRange(1, 50), default=3, show_default=True, help="The number of fake nodes.")
def demo(*, leave: bool, directory: Path | None, nodes: int) -> None:
    """Run the demo with a real control plane, Git, Helm and agent.

    It shows an image bump, a canary that is promoted, a bad version that is rolled back, its fixed successor, a blue-green
    switch, a manual change that is reverted, a Job before a sync, a commit that is rolled back, a mass deletion that is held
    for approval, a Secret that SOPS encrypted, and an unsigned commit that is refused.

    The cluster and its dashboard keep running until Ctrl-C, so that you can explore them; --exit ends after the last step.
    """
    from gitops_agent.cluster.client import ClusterClient
    from gitops_agent.errors import AgentError
    from gitops_agent.install import bundle
    from gitops_agent.sandbox.demo.story import Story, scratch
    from gitops_agent.server.local_dashboard import LocalDashboard
    from gitops_agent.toolchain.progress import to_stderr

    with scratch(directory) as folder:
        story = Story(folder, to_stderr(), nodes)
        try:
            story.run()
            total = sum(step.seconds for step in story.steps)
            click.echo(f"{len(story.steps)} steps, each observed in the cluster, in {total:.1f} s")
            if not leave and story.plane is not None:
                laptop = LocalDashboard(ClusterClient.open(str(story.plane.kubeconfig), None, bundle.NAMESPACE), cluster="demo")
                laptop.start()
                click.echo(f"dashboard:    {laptop.address} (opens once)")
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
