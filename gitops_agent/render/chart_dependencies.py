"""Dependencies of a chart that are not in its `charts/`.

A render has no network. What a lock names, or a chart of a repository by a range, is looked up below a reserved folder of the
tree; what is absent there is noted, so that all of it can be fetched together, and ends the render with a reason that says what
to wait for. helm gets each of them as an archive in `charts/`, as `helm dependency build` would leave it.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.revision_name import chart_of, commit_of, digest_of
from gitops_agent.render import chart_lock
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.paths import join
from gitops_agent.revision.chart_dependency import ChartDependency, dependency_of
from gitops_agent.revision.mounted_tree import CHART
from gitops_agent.revision.tree import EntryType

MISSING = "ChartDependencyMissing"
REFUSED = "ChartDependency"
_MOST = 50
_DEEPEST = 5
_DIGITS = 40
_VERSION = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]*)?\Z")
_SCHEMES = ("https", "http", "oci")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A dependency that is there.

    Attributes:
        parent: the directory in the tree of the chart that names it.
        dependency: which.
        prefix: how helm's output calls the directory of the chart, such as `charts/cache`, below the chart that is rendered.
    """

    parent: str
    dependency: ChartDependency
    prefix: str


@dataclass(slots=True)
class ChartDependencies:
    """The dependencies of one render.

    Attributes:
        inputs: of the render.
        fetched: those that are there; what one depends on comes after it.
        warnings: what the author of a chart should know.
    """

    inputs: Inputs
    fetched: list[Fetched] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    _missing: list[tuple[str, ChartDependency]] = field(default_factory=list)
    _seen: set[ChartDependency] = field(default_factory=set)

    def published(self, path: str) -> bool:
        """Whether the chart at a path comes from a chart repository."""
        commit = self.inputs.commit
        return _mount(path) != "" or (chart_of(commit) != "" and commit_of(commit) == "")

    def contained(self, path: str, local: str) -> bool:
        """Whether a chart may name that directory as a dependency."""
        return _mount(path) == _mount(local)

    def located(
        self,
        path: str,
        about: Object,
        requirements: Sequence[Object],
        absent: Sequence[Object],
        chain: Sequence[ChartDependency],
    ) -> list[tuple[ChartDependency, Object]]:
        """The dependencies of one chart that have been fetched.

        Args:
            path: of the chart.
            about: its Chart.yaml.
            requirements: all of its dependencies.
            absent: those that have to be fetched.
            chain: the fetched charts that lead to it.

        Raises:
            RenderError: reason `ChartLockStale` or `ChartLockMissing`; `ChartDependency` for one that is refused;
                `RenderTooLarge`.
        """
        file = join(path, "Chart.yaml")
        versions = self._versions(path, about, requirements, absent)
        result = []
        for requirement in absent:
            entry = versions[next(number for number, declared in enumerate(requirements) if declared is requirement)]
            if entry is None:
                continue
            dependency = self._named(path, file, requirement, entry)
            self._check(file, dependency, chain)
            located = self.inputs.locate(dependency.path)
            if located is None or located.type is not EntryType.DIRECTORY:
                self._missing.append((file, dependency))
            else:
                result.append((dependency, requirement))
        return result

    def require(self) -> None:
        """Ends a render that lacks dependencies.

        Raises:
            RenderError: reason `ChartDependencyMissing`.
        """
        for file, dependency in self._missing[:1]:
            text = f"{file}: dependencies: {dependency} has not been fetched yet"
            raise RenderError(text, reason=MISSING, file=file, field="dependencies")

    def _versions(
        self, path: str, about: Object, requirements: Sequence[Object], absent: Sequence[Object]
    ) -> Sequence[Object | None]:
        """What names the version of each dependency: the lock, or itself."""
        published = self.published(path)
        try:
            lock = chart_lock.read_lock(self.inputs, path, about, requirements)
        except RenderError as error:
            if not published or error.reason != chart_lock.STALE:
                raise
            self.warnings.append(f"{error.facts.get('file')} does not fit, so the versions that Chart.yaml names are used")
            lock = None
        if lock is not None:
            return lock[1]
        if published:
            return requirements
        file = join(path, "Chart.yaml")
        name = str(absent[0].get("name"))[:200]
        text = (
            f"{file}: the dependency {name}{_origin(absent[0])} is not in {join(path, 'charts')}, and there is no "
            f"{join(path, 'Chart.lock')} that names its version: {chart_lock.advice(path)} Chart.lock"
        )
        raise RenderError(text, reason="ChartLockMissing", file=file)

    def _named(self, path: str, file: str, requirement: Object, entry: Object) -> ChartDependency:
        name, repository, version = (
            str(entry.get(key) or requirement.get(key) or "") for key in ("name", "repository", "version")
        )
        where = f"{file}: dependencies: {name[:200]}"
        if repository.startswith(("@", "alias:")):
            text = f"{where}: {repository[:200]!r} is a name on its author's machine: write the address of the repository"
            raise RenderError(text, reason=REFUSED, file=file, field="dependencies")
        problem = _problem(repository)
        if problem:
            raise RenderError(f"{where}: the repository {problem}", reason=REFUSED, file=file, field="dependencies")
        exact = _VERSION.match(version) is not None
        if not exact and not self.published(path):
            raise RenderError(
                f"{join(path, 'Chart.lock')}: {name[:200]}: {version[:80]!r} is not one version: {chart_lock.advice(path)}",
                reason=chart_lock.STALE,
                file=join(path, "Chart.lock"),
            )
        parent = "" if exact else self._content(path)
        dependency = ChartDependency(repository.rstrip("/"), name, version or "*", parent)
        if not dependency.showable:
            text = f"{where}: the name is not that of a chart, or its address and version are too long"
            raise RenderError(text, reason=REFUSED, file=file, field="dependencies")
        return dependency

    def _content(self, path: str) -> str:
        """What a published chart contains, without what lies beside it."""
        if not path:
            return digest_of(chart_of(self.inputs.commit)).removeprefix("sha256:")[:_DIGITS]
        located = self.inputs.locate(path)
        return located.oid if located is not None else ""

    def _check(self, file: str, dependency: ChartDependency, chain: Sequence[ChartDependency]) -> None:
        """Refuses circles, and what is too deep or too much."""
        same = [ancestor for ancestor in chain if _identity(ancestor) == _identity(dependency)]
        if same:
            names = " → ".join(f"{link.chart} {link.version}" for link in [*chain[chain.index(same[0]) :], dependency])
            raise RenderError(f"{file}: charts depend on one another in a circle: {names}", reason=REFUSED, file=file)
        self._seen.add(dependency)
        if len(chain) >= _DEEPEST:
            text = f"{file}: {dependency}: charts depend on one another more than {_DEEPEST} deep"
            raise RenderError(text, reason="RenderTooLarge", file=file)
        if len(self._seen) > _MOST:
            raise RenderError(f"{file}: more than {_MOST} charts are dependencies", reason="RenderTooLarge", file=file)


def pack(fetched: Sequence[Fetched], tree: Path) -> None:
    """Puts each dependency into the `charts/` of its chart, as an archive.

    Args:
        fetched: what one depends on comes after it.
        tree: the copies of all files.
    """
    for fetched_chart in reversed(fetched):
        name = f"{fetched_chart.dependency.chart}-{hashlib.sha256(fetched_chart.dependency.name.encode()).hexdigest()[:12]}.tgz"
        archive = tree / fetched_chart.parent / "charts" / name
        if archive.exists():
            continue
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "w:gz", compresslevel=1, format=tarfile.PAX_FORMAT) as packed:
            packed.add(tree / fetched_chart.dependency.path, arcname=fetched_chart.dependency.chart, filter=_plain)


def _plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


def _mount(path: str) -> str:
    """The reserved directory that a path lies in; empty in the repository."""
    located = dependency_of(path)
    if located is not None:
        return located[0].path
    return CHART if path == CHART or path.startswith(f"{CHART}/") else ""


def _identity(dependency: ChartDependency) -> tuple[str, str, str]:
    return dependency.repository, dependency.chart, dependency.version


def _origin(dependency: Object) -> str:
    version, repository = dependency.get("version"), dependency.get("repository")
    words = f" {str(version)[:200]}" if version else ""
    return f"{words} of {repository.split('@')[-1][:200]}" if isinstance(repository, str) and repository else words


def _problem(repository: str) -> str:
    """What is wrong with an address; empty when nothing is."""
    try:
        parts = urlsplit(repository)
        _ = parts.port
    except ValueError:
        return "is not an address"
    if "@" in parts.netloc:
        return "holds credentials: name them in spec.render.helm.repositories"
    if parts.scheme not in _SCHEMES or not parts.hostname:
        return f"{repository[:200]!r} is not https://host/path or oci://host/path"
    return ""
