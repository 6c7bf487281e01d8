"""Entry point: runs a command, maps errors to exit codes.

Commands are listed as data and imported when they run, so that `--help` costs no Kubernetes client. Exit codes:

====  ==========================================================
0     done
1     an error, reported in one line (`--verbose` adds the details)
2     the command line or a setting is wrong
3     there are differences, or something is not healthy
4     held for approval
130   interrupted
====  ==========================================================
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from typing import Any, NoReturn, cast

import click

from gitops_agent import __version__
from gitops_agent.cli.exit_codes import ERROR, INTERRUPTED, USAGE
from gitops_agent.errors import AgentError, ProcessError, UsageError, did_you_mean

_NO_COMMAND = re.compile(r"No such command '([^']{1,50})'")
_COMMANDS = {
    "demo": ("demo", "demo", "Run the demo on this machine: control plane, Git, rollouts, drift, a held deletion."),
    "sandbox": ("sandbox", "sandbox", "Run a real control plane on loopback: up, down, status."),
    "tools": ("tools", "tools", "Manage the programs the sandbox and the renderer need: list, install, verify."),
    "install": ("install", "install", "Print or apply the CRDs, RBAC and Deployment of the agent."),
    "bootstrap": ("bootstrap", "bootstrap", "Let Git manage the agent itself: files, commit, installation, Application."),
    "uninstall": ("uninstall", "uninstall", "Remove the agent, its CRDs and its namespace; workloads stay."),
    "run": ("run", "run", "Run the agent."),
    "status": ("status", "status", "Show the status of Applications, unhealthy first."),
    "dashboard": ("dashboard", "dashboard", "Serve the dashboard on this machine, with the rights of the kubeconfig."),
    "get": ("get", "get", "Print Applications, Notifiers or RolloutPolicies as tables or documents."),
    "create": ("create", "create", "Create an Application from options, or print it for Git."),
    "import": ("import_resources", "import_resources", "Translate resources of Argo CD, Flux or Helm into Applications."),
    "delete": ("delete", "delete", "Delete an Application, after showing what is deleted with it."),
    "tree": ("tree", "tree", "Show an application's objects and their dependants, with health."),
    "diff": ("diff", "diff", "Show what a sync would change, for a revision or a local directory."),
    "render": ("render", "render", "Render a local directory and print its objects as YAML."),
    "sync": ("sync", "sync", "Fetch and reconcile now, or show the plan with --dry-run."),
    "test": ("chart_test", "chart_test", "Run the tests of an Application's chart."),
    "wait": ("wait", "wait", "Wait until an application is synced and healthy."),
    "rollback": ("rollback", "rollback", "Pin an application to an earlier commit of its history, until --undo."),
    "lock": ("lock", "lock", "Print or write the version that the range of a chart stands for."),
    "retry": ("retry", "retry", "Try a rejected commit again."),
    "approve": ("approve", "approve", "Approve a held plan by its hash."),
    "rollout": ("rollout.commands", "rollout", "Control rollouts: status, promote, approve, pause, resume, abort, retry."),
    "notify": ("notify", "notify", "Try Notifiers: test sends a test message."),
    "pause": ("pause", "pause", "Suspend the reconciliation of an application, with a reason."),
    "suspend": ("pause", "suspend", "The same as pause."),
    "resume": ("pause", "resume", "Resume the reconciliation of a paused application."),
    "history": ("history", "history", "Show the last syncs and rollouts of an application."),
    "events": ("events", "events", "Show the Kubernetes Events of an application."),
    "logs": ("logs", "logs", "Print the logs of the agent, or of the pods of an application."),
    "why": ("why", "why", "Explain an object or a field: where Git declares it, who wrote it, what shaped it."),
    "trace": ("trace", "trace", "Show which Application an object belongs to, and from which commit."),
    "check": ("check", "check", "Check the cluster, permissions, tools and repositories."),
    "signers": ("signers", "signers", "Explain the keys of those who may sign commits: check."),
    "config": ("config", "config", "Show the effective configuration and the origin of each value."),
    "version": ("version", "version", "Print the versions of the agent, its tools and the cluster."),
    "completion": ("completion", "completion", "Print the completion script of bash, zsh or fish."),
    "render-worker": ("render_worker", "render_worker", "Render for an agent, in a process without credentials."),
}


class _Commands(click.Group):
    """Group of commands, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In order of use, not of the alphabet."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command."""
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        return _with_verbose(cast("click.Command", getattr(importlib.import_module(f"gitops_agent.cli.{module}"), attribute)))

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; a closed output pipe is no error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in _COMMANDS.items()])


def _verbose(ctx: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001 - what click calls
    if value:
        ctx.find_root().ensure_object(dict)["verbose"] = True


def _with_verbose(command: click.Command) -> click.Command:
    """The command with `-v/--verbose`, and its subcommands likewise."""
    for inner in getattr(command, "commands", {}).values():
        _with_verbose(inner)
    if all(parameter.name != "verbose" for parameter in command.params):
        command.params.append(
            click.Option(
                ["-v", "--verbose"], is_flag=True, expose_value=False, callback=_verbose, help="Print all details of an error."
            )
        )
    return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="gitops-agent")
@click.option("-v", "--verbose", is_flag=True, help="Print all details of an error.")
@click.pass_context
def cli(ctx: click.Context, *, verbose: bool) -> None:
    """Keep a Kubernetes cluster in sync with Git.

    Data goes to standard output, messages go to standard error. Exit codes: 0 ok, 1 error, 2 usage, 3 differences or not
    healthy, 4 held for approval, 130 interrupted.
    """
    ctx.ensure_object(dict)["verbose"] |= verbose


def main() -> NoReturn:
    """Runs the command line and exits."""
    state = {"verbose": False}
    try:
        code = cli.main(prog_name=_program(), standalone_mode=False, obj=state)
    except click.exceptions.Exit as leave:
        code = leave.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = _interrupted()
    except click.exceptions.NoArgsIsHelpError as error:
        code = _say(error.format_message(), USAGE)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "gitops-agent"
        code = _say(f"error: {error.format_message().rstrip('.')}{_meant(error)} (see `{command} --help`)", USAGE)
    except click.ClickException as error:
        code = _say(f"error: {error.format_message()}", ERROR)
    except UsageError as error:
        code = _say(f"error: {error}", USAGE)
    except AgentError as error:
        code = _say(f"error: {error} ({error.reason})", ERROR)
        if state["verbose"]:
            _say(error.report() if isinstance(error, ProcessError) else str(error.facts), ERROR)
    sys.exit(code if isinstance(code, int) else 0)


def _program() -> str:
    """The program as it was called, by kubectl or by itself."""
    return "kubectl gitops" if os.path.basename(sys.argv[0]) == "kubectl-gitops" else "gitops-agent"  # noqa: PTH119 - help is quick


def _meant(error: click.UsageError) -> str:
    """The commands that come near one that does not exist."""
    match = _NO_COMMAND.match(error.format_message())
    if (
        match is None
        or "Did you mean" in error.format_message()
        or error.ctx is None
        or not isinstance(error.ctx.command, click.Group)
    ):
        return ""
    import difflib

    return did_you_mean(difflib.get_close_matches(match[1], error.ctx.command.list_commands(error.ctx), n=2))


def _interrupted() -> int:
    """The exit code of an interrupted command."""
    # CPython remembers an interrupt that left code executed from text, such as a dataclass that an import makes, and lets the
    # signal end `python -m` at its exit although it was caught. Executing text forgets it.
    exec("")  # noqa: S102 - no text at all
    return _say("interrupted", INTERRUPTED)


def _say(text: str, code: int) -> int:
    click.echo(text, err=True)
    return code
