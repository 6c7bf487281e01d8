"""How commands print: tables for people, JSON and YAML for scripts, names for pipes; colour only on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
import orjson

if TYPE_CHECKING:
    from rich.console import Console

FORMATS = ("table", "json", "yaml", "name")
F = TypeVar("F", bound=Callable[..., Any])

_COLOURS = {
    "Healthy": "green",
    "Synced": "green",
    "True": "green",
    "Progressing": "cyan",
    "WaitingFor": "cyan",
    "Suspended": "yellow",
    "OutOfSync": "yellow",
    "Missing": "yellow",
    "HeldForApproval": "magenta",
    "Degraded": "red",
    "Stalled": "red",
    "False": "red",
}


def output_option(function: F) -> F:
    """Adds `-o/--output`."""
    return click.option(
        "-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True, help="The form of the output."
    )(function)


def cluster_options(function: F) -> F:
    """Adds `--kubeconfig`, `--context` and `-n/--namespace`."""
    function = click.option(
        "-n",
        "--namespace",
        default="gitops-system",
        show_default=True,
        envvar="GITOPS_AGENT_NAMESPACE",
        help="Where Applications live.",
    )(function)
    function = click.option("--context", default=None, help="The context of the kubeconfig to use.")(function)
    return click.option("--kubeconfig", default=None, type=click.Path(), help="The kubeconfig to use instead of $KUBECONFIG.")(
        function
    )


def console(*, stderr: bool = False) -> Console:
    """A console that is plain when piped and honours NO_COLOR; as wide as it needs when it is no terminal."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else int(os.environ.get("COLUMNS") or 200)
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False, emoji=False, markup=False)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """Prints a borderless table; known status words get their colour."""
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0), title=title or None, title_justify="left")
    for index, header in enumerate(headers):
        last = index == len(headers) - 1
        grid.add_column(header.upper(), header_style="bold", overflow="fold" if last else "ellipsis", no_wrap=not last)
    for row in rows:
        grid.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    console().print(grid)


def colour(word: str) -> str:
    """The style of a status word; empty for any other."""
    return _COLOURS.get(word, "")


def document(value: Any, form: str) -> None:
    """Prints a value as `json` or `yaml`."""
    if form == "json":
        click.echo(orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode())
        return
    from gitops_agent.manifest.yaml import dump

    click.echo(dump(value), nl=False)


def talk(text: str) -> None:
    """Prints a line for the person, on standard error."""
    click.echo(text, err=True)
