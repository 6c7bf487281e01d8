"""`gitops-agent completion SHELL`: prints the completion script."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from gitops_agent.errors import UsageError


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell, e.g. `source <(gitops-agent completion bash)`."""
    completer = get_completion_class(shell)
    if completer is None:
        raise UsageError(f"there is no completion for {shell}")
    click.echo(completer(ctx.find_root().command, {}, "gitops-agent", "_GITOPS_AGENT_COMPLETE").source())
