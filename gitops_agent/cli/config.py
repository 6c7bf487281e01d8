"""`gitops-agent config show`: the effective settings and the origin of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.settings_options import effective, settings_options


@click.group()
def config() -> None:
    """Show the effective configuration and the origin of each value."""


@config.command()
@settings_options
@out.output_option
def show(file: Path | None, assignments: tuple[str, ...], output: str) -> None:
    """Print every setting with its origin: default, file, environment or flag."""
    _show(file, assignments, output)


def _show(file: Path | None, assignments: tuple[str, ...], form: str) -> None:
    loaded = effective(file, assignments)
    values = loaded.settings.model_dump(mode="json", by_alias=True)
    if form in ("json", "yaml"):
        out.document(values, form)
        return
    rows = []
    for path, origin in loaded.origins.items():
        section, _, name = path.partition(".")
        value = values[section][name]
        rows.append((path, _text(value), origin))
    if form == "name":
        for path, _, _ in rows:
            click.echo(path)
        return
    out.table(("setting", "value", "from"), rows)


def _text(value: Any) -> str:
    """A value as a cell; a list of maps as JSON."""
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        maps = [{name: part for name, part in item.items() if part is not None} for item in value]
        return json.dumps(maps, ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)
