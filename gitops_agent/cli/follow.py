"""Follows objects with a watch until interrupted; nothing is polled.

A table is redrawn on a terminal and is a line a change in a pipe; documents and names are printed for each change. A log of
entries, such as events, only grows: rows that were not printed yet are appended.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import click

from gitops_agent.cli import output as out
from gitops_agent.cli.watch_cache import WatchCache
from gitops_agent.cli.wide_table import WideTable
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.watch import WatchOptions
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.timestamp import timestamp

Listing = Callable[[list[Object]], WideTable]
"""The table of some objects of one kind."""

Entries = Callable[[list[Object]], Sequence[tuple[str, ...]]]
"""The rows of a log, oldest first."""


def follow(access: ClusterClient, resource: Resource, options: WatchOptions, listing: Listing, *, output: str) -> None:
    """Shows the objects of a kind and their changes.

    Args:
        access: the cluster.
        resource: the kind.
        options: which of its objects.
        listing: the table of some of them.
        output: one of the formats of a listing.

    Raises:
        AgentError: the kind cannot be watched.
    """
    with watching(access, resource, options) as cache:
        if output in ("table", "wide") and sys.stdout.isatty():
            from rich.live import Live

            with Live(console=out.console(), auto_refresh=False) as screen:
                for _ in cache.changes():
                    sheet = listing(cache.of(resource.kind))
                    screen.update(out.grid(sheet.headers, sheet.rows), refresh=True)
        printed: dict[ObjectKey, str] = {}
        for _ in cache.changes():
            live = {ObjectKey.of(obj): obj for obj in cache.of(resource.kind)}
            for key, obj in live.items():
                _print(obj, key, printed, listing, output)
            for key in printed.keys() - live.keys():
                del printed[key]
                if output in ("table", "wide"):
                    click.echo(f"{_now()}  {key.name}  deleted")


def follow_log(
    access: ClusterClient, resource: Resource, options: WatchOptions, headers: Sequence[str], entries: Entries
) -> None:
    """Prints the rows of a log, then each further one.

    Raises:
        AgentError: the kind cannot be watched.
    """
    with watching(access, resource, options) as cache:
        printed: set[tuple[str, ...]] = set()
        widths: list[int] = []
        for _ in cache.changes():
            rows = [tuple(map(out.line, row)) for row in entries(cache.of(resource.kind))]
            fresh = [row for row in dict.fromkeys(rows) if row not in printed]
            if fresh and not widths:
                widths = [max(map(len, column)) for column in zip(headers, *fresh, strict=True)]
                click.echo(_aligned([header.upper() for header in headers], widths))
            for row in fresh:
                click.echo(_aligned(row, widths))
            printed.update(fresh)


@contextlib.contextmanager
def watching(access: ClusterClient, resource: Resource, options: WatchOptions) -> Iterator[WatchCache]:
    """A cache of one watch, once its first list was read."""
    cache = WatchCache()
    try:
        cache.await_list(cache.watch(access, resource, options))
        yield cache
    finally:
        cache.stop()


def _print(obj: Object, key: ObjectKey, printed: dict[ObjectKey, str], listing: Listing, output: str) -> None:
    """Prints an object when it differs from what was printed of it."""
    if output in ("table", "wide"):
        text = "  ".join(map(out.line, listing([obj]).rows[0]))
    else:
        text = str(obj["metadata"].get("resourceVersion"))
    if printed.get(key) == text:
        return
    printed[key] = text
    if output == "name":
        out.names(key.kind, [obj])
    elif output in ("json", "yaml"):
        if output == "yaml":
            click.echo("---")
        out.document(obj, output)
    else:
        click.echo(f"{_now()}  {text}")


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [out.coloured(cell) + " " * max(0, width - len(cell)) for cell, width in zip(row, widths, strict=True)]
    return "  ".join(cells).rstrip()


def _now() -> str:
    return timestamp(datetime.now(UTC))
