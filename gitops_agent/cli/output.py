"""Output of commands: tables, JSON, YAML, and names for pipes.

On a terminal long cells are folded, or printed below their row where it is narrow, and status words are coloured (not with
NO_COLOR). In a pipe a row is one line, however long, and holds nothing but text. Text of others (subjects, authors, messages)
is printed without control characters, so that a commit message cannot move the cursor of the terminal.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from gitops_agent.cli import complete
from gitops_agent.manifest.kinds import GROUP

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from gitops_agent.manifest.key import GroupKind

FORMATS = ("table", "json", "yaml", "name")
LISTING_FORMATS = ("table", "wide", "json", "yaml", "name")
_ENDLESS = 100_000
F = TypeVar("F", bound=Callable[..., Any])

_STATES = frozenset({"ready", "sync", "health", "phase", "state", "result", "type"})
"""Columns that are never shortened."""

_COLOURS = {
    "Healthy": "green",
    "Synced": "green",
    "True": "green",
    "Progressing": "cyan",
    "WaitingFor": "cyan",
    "Suspended": "yellow",
    "OutOfSync": "yellow",
    "Missing": "yellow",
    "Paused": "yellow",
    "Promoted": "green",
    "RolledBack": "red",
    "Held": "red",
    "Abort": "red",
    "HeldForApproval": "magenta",
    "Degraded": "red",
    "Stalled": "red",
    "False": "red",
}


def output_option(function: F) -> F:
    """Adds `-o/--output`."""
    return click.option(
        "-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True, help="The output format."
    )(function)


def listing_option(function: F) -> F:
    """Adds `-o/--output` with the format `wide`."""
    help_ = "The output format; wide adds columns, name prints KIND.GROUP/NAME for kubectl."
    return click.option("-o", "--output", type=click.Choice(LISTING_FORMATS), default="table", show_default=True, help=help_)(
        function
    )


def wait_options(what: str, *, timeout: str = "5m") -> Callable[[F], F]:
    """Adds `--wait/--no-wait` and `--timeout`.

    Args:
        what: the help of the first one.
        timeout: the default of the second one.
    """
    waits = click.option("--wait/--no-wait", "waits", default=True, show_default=True, help=what)
    limit = click.option("--timeout", default=timeout, show_default=True, help="The timeout of the wait.")
    return lambda function: waits(limit(function))


def names(kind: str, objects: Iterable[Any]) -> None:
    """Prints `kind.group/name`, which kubectl mistakes for no other group."""
    for obj in objects:
        click.echo(f"{kind.lower()}.{GROUP}/{obj['metadata']['name']}")


def cluster_options(function: F) -> F:
    """Adds `--kubeconfig`, `--context` and `-n/--namespace`; sends logs to standard error."""
    result = click.option(
        "-n",
        "--namespace",
        default="gitops-system",
        show_default=True,
        envvar="GITOPS_AGENT_NAMESPACE",
        help="The namespace of the Applications.",
        shell_complete=complete.namespaces,
    )(function)
    return connection_options(result)


def connection_options(function: F) -> F:
    """Adds `--kubeconfig` and `--context`; sends logs to standard error."""

    @functools.wraps(function)
    def command(*args: Any, **options: Any) -> Any:
        _log_to_stderr()
        return function(*args, **options)

    help_ = "The context of the kubeconfig to use."
    result = click.option("--context", default=None, help=help_, shell_complete=complete.contexts)(command)
    option = click.option("--kubeconfig", default=None, type=click.Path(), help="The kubeconfig to use instead of $KUBECONFIG.")
    return cast("F", option(result))


def console() -> Console:
    """A console that is plain when piped, and honours NO_COLOR."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _ENDLESS
    return Console(width=width, highlight=False, soft_wrap=False, emoji=False, markup=False)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a borderless table; known status words get their colour."""
    draw(grid(headers, rows))


def grid(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> RenderableType:
    """A borderless table, not yet printed."""
    from rich.text import Text

    from gitops_agent.cli.table import lay_out

    return lay_out(
        [Text(header.upper(), style="bold") for header in headers],
        [[Text(line(cell), style=_COLOURS.get(cell, "")) for cell in row] for row in rows],
        console().width,
        rigid=[index for index, header in enumerate(headers) if header in _STATES],
        first=[index for index, header in enumerate(headers) if header == "revision"],
    )


def draw(picture: RenderableType) -> None:
    """Prints the output of rich without its trailing blanks."""
    plate = console()
    with plate.capture() as capture:
        plate.print(picture)
    for text in capture.get().splitlines():
        click.echo(text.rstrip())


def line(text: str) -> str:
    """The text as one line, without control characters."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in " ".join(text.split()))


def brief(text: str, letters: int = 120) -> str:
    """Shortens a long text to fit a table, on terminals only."""
    return text if len(text) <= letters or not sys.stdout.isatty() else text[: letters - 1] + "…"


def coloured(text: str, word: str | None = None) -> str:
    """The text as one line, coloured by its status word.

    Args:
        text: the text.
        word: the status word; the text itself when None.
    """
    style = _COLOURS.get(text if word is None else word, "")
    return click.style(line(text), fg=style) if style and "NO_COLOR" not in os.environ else line(text)


def colour(word: str) -> str:
    """The style of a status word; empty for any other."""
    return _COLOURS.get(word, "")


def document(value: Any, form: str) -> None:
    """Prints a value as `json` or `yaml`."""
    if form == "json":
        import orjson

        click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())
        return
    from gitops_agent.manifest.yaml import dump

    click.echo(dump(value), nl=False)


def talk(text: str) -> None:
    """Prints a message for the user, on standard error."""
    click.echo(text, err=True)


def cannot_see(unseen: Mapping[GroupKind, str]) -> dict[str, str]:
    """Prints which kinds cannot be read; returns them for a document."""
    shown = {str(kind): why for kind, why in sorted(unseen.items())}
    for kind, why in shown.items():
        talk(f"cannot see {kind}: {why}")
    return shown


def _log_to_stderr() -> None:
    """Sends logs to standard error, and only with --verbose."""
    from gitops_agent.observe.log import configure_command

    context = click.get_current_context(silent=True)
    verbose = bool(((context.find_root().obj if context else None) or {}).get("verbose"))
    configure_command(verbose=verbose)
