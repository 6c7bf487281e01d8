"""The options that select the objects of a listing.

An agent reads the Applications of its own namespace, so `-A` shows those of every agent of the cluster.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import Object

if TYPE_CHECKING:
    from gitops_agent.cluster.watch import WatchOptions

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The options of a listing.

    Attributes:
        everywhere: all namespaces.
        labels: a label selector; all when empty.
        watch: print changes until interrupted.
    """

    everywhere: bool
    labels: str
    watch: bool

    def check(self, name: str | None) -> None:
        """Refuses a name beside options that select several objects.

        Raises:
            UsageError: both are given.
        """
        for given, option in ((self.everywhere, "--all-namespaces"), (self.labels, "--selector")):
            if name and given:
                raise UsageError(f"the name {name} and {option} exclude each other")

    def listed(self, access: ClusterClient, kind: str) -> list[Object]:
        """The selected objects of one of our kinds, by name."""
        return access.listed(kind, namespace="" if self.everywhere else None, selector=self.labels)

    def watched(self, namespace: str, name: str | None = None) -> WatchOptions:
        """The watch of the selected objects, or of one by name."""
        from gitops_agent.cluster.watch import WatchOptions

        return WatchOptions(
            namespace="" if self.everywhere else namespace,
            label_selector=self.labels,
            field_selector=f"metadata.name={name}" if name else "",
        )

    def nothing(self, kinds: str, namespace: str) -> str:
        """The message when nothing is selected; `namespace` is empty for all."""
        within = "" if self.everywhere or not namespace else f" in namespace {namespace}"
        return f"there are no {kinds}{within}{f' with the labels {self.labels}' if self.labels else ''}"


def selection_options(function: F) -> F:
    """Adds `-A`, `-l` and `-w`, as one `Selection`."""

    @functools.wraps(function)
    def command(*args: Any, everywhere: bool, labels: str, watch: bool, **options: Any) -> Any:
        return function(*args, selection=Selection(everywhere=everywhere, labels=labels, watch=watch), **options)

    result = watch_option("Print changes until interrupted: redrawn on a terminal, a line a change in a pipe.")(command)
    result = click.option("-l", "--selector", "labels", default="", help="A label selector, such as team=shop,tier!=test.")(
        result
    )
    return cast(
        "F", click.option("-A", "--all-namespaces", "everywhere", is_flag=True, help="Those of all namespaces.")(result)
    )


def watch_option(help_: str) -> Callable[[F], F]:
    """Adds `-w/--watch`."""
    return click.option("-w", "--watch", is_flag=True, help=help_)
