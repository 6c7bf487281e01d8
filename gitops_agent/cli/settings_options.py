"""The options that override settings, shared by `run` and `config`."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gitops_agent.errors import UsageError

if TYPE_CHECKING:
    from gitops_agent.config import Loaded

DEFAULT_FILE = Path("/etc/gitops-agent/config.yaml")
F = TypeVar("F", bound=Callable[..., Any])


def settings_options(function: F) -> F:
    """Adds `--config` and `--set`."""
    function = click.option(
        "--config",
        "file",
        type=click.Path(path_type=Path),
        default=None,
        envvar="GITOPS_AGENT_CONFIG",
        help=f"The configuration file; {DEFAULT_FILE} when it exists.",
    )(function)
    return click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="PATH=VALUE",
        help="One setting, such as source.allowFile=true; repeatable.",
    )(function)


def effective(file: Path | None, assignments: tuple[str, ...]) -> Loaded:
    """The settings, merged from file, environment and flags.

    Raises:
        UsageError: at least one setting is invalid; the message names them all.
    """
    from gitops_agent.config import load

    flags = {}
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        if not equals:
            raise UsageError(f"--set {assignment}: say PATH=VALUE, such as source.allowFile=true")
        flags[path] = value
    if file is None and DEFAULT_FILE.is_file():
        file = DEFAULT_FILE
    environ = {name: value for name, value in os.environ.items() if name != "GITOPS_AGENT_CONFIG"}
    return load(file, environ, flags)
