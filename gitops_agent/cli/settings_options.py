"""The options that override settings, shared by `run` and `config`."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from gitops_agent.errors import UsageError

if TYPE_CHECKING:
    from gitops_agent.config import Loaded

DEFAULT_FILE = Path("/etc/gitops-agent/config.yaml")
F = TypeVar("F", bound=Callable[..., Any])


_SHORTHANDS = {"kubeconfig": "cluster.kubeconfig", "context": "cluster.context", "namespace": "cluster.namespace"}
"""The options that other commands have, and the settings they stand for."""


def settings_options(function: F) -> F:
    """Adds `--config`, `--set`, and shorthands, which become assignments before those of `--set`."""

    @functools.wraps(function)
    def command(*args: Any, assignments: tuple[str, ...], **options: Any) -> Any:
        given = {path: options.pop(name) for name, path in _SHORTHANDS.items()}
        if click.get_current_context().find_root().ensure_object(dict).get("verbose"):
            given["log.level"] = "debug"
        shorthands = tuple(f"{path}={value}" for path, value in given.items() if value is not None)
        return function(*args, assignments=(*shorthands, *assignments), **options)

    option = click.option(
        "--config",
        "file",
        type=click.Path(path_type=Path),
        default=None,
        envvar="GITOPS_AGENT_CONFIG",
        help=f"The configuration file; {DEFAULT_FILE} when it exists.",
    )(command)
    for name, help_ in (
        ("--kubeconfig", "The kubeconfig to use instead of $KUBECONFIG; short for --set cluster.kubeconfig=…"),
        ("--context", "The context of the kubeconfig to use; short for --set cluster.context=…"),
    ):
        option = click.option(name, default=None, help=help_)(option)
    option = click.option(
        "-n",
        "--namespace",
        default=None,
        help="The namespace of the agent and its Applications; short for --set cluster.namespace=…",
    )(option)
    option = click.option(
        "--set",
        "assignments",
        multiple=True,
        metavar="PATH=VALUE",
        help="One setting, such as source.allowFile=true; repeatable. -v is short for --set log.level=debug.",
    )(option)
    return cast("F", option)


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
    loaded = load(file, environ, flags)
    if loaded.settings.health.expressions:
        _check_expressions(loaded)
    return loaded


def _check_expressions(loaded: Loaded) -> None:
    from gitops_agent.sync.health.expressions import SETTING, compile_expressions

    try:
        compile_expressions(loaded.settings.health.expressions)
    except UsageError as error:
        raise UsageError(f"{error} ({loaded.origins[SETTING]})") from error
