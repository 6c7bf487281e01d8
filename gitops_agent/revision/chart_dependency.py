"""A dependency of a chart, and its path in a tree.

Renders read trees and have no network, so a tree shows such a chart below a reserved folder, as it shows remote bases. The name
there holds the whole identity: repository, chart and version. A lock names one version. A chart of a repository may name a
range; what that means is chosen once for each content of that chart, so its content is part of the identity.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from gitops_agent.revision.pinned_tree import Reserved

FOLDER = ".chart-dependencies"
"""Reserved in every tree."""

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,127}\Z")
_LONGEST_NAME = 250
_PARTS = 4


@dataclass(frozen=True, slots=True, order=True)
class ChartDependency:
    """A chart of a repository.

    Attributes:
        repository: its address, `https://…` or `oci://…`.
        chart: its name.
        version: one version, or with `parent` a range.
        parent: the content of the chart that names the range; empty for what a lock names.
    """

    repository: str
    chart: str
    version: str
    parent: str = ""

    @property
    def name(self) -> str:
        """Below the reserved folder."""
        return "@".join(quote(part, safe="") for part in (self.chart, self.version, self.parent, self.repository))

    @property
    def path(self) -> str:
        """Where a tree shows its root."""
        return f"{FOLDER}/{self.name}"

    @property
    def showable(self) -> bool:
        """Whether it can be the name of a folder."""
        return _NAME.match(self.chart) is not None and len(self.name) <= _LONGEST_NAME

    def __str__(self) -> str:
        return f"{self.chart} {self.version} from {self.repository}"


def dependency_of(path: str) -> tuple[ChartDependency, str] | None:
    """The dependency that a path lies in, and the path inside it."""
    folder, _, rest = path.partition("/")
    if folder != FOLDER:
        return None
    name, _, inside = rest.partition("/")
    parts = [unquote(part) for part in name.split("@")]
    if len(parts) != _PARTS:
        return None
    dependency = ChartDependency(parts[3], parts[0], parts[1], parts[2])
    return (dependency, inside) if dependency.showable and dependency.name == name else None


def readable(path: str) -> str:
    """A path for people: that of a dependency with its chart."""
    located = dependency_of(path)
    return f"{located[1]} of {located[0]}" if located is not None else path


DEPENDENCIES = Reserved(FOLDER, dependency_of)
"""Where trees show dependencies."""
