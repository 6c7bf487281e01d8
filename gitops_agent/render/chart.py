"""A Helm chart: its files, its missing dependencies, its nondeterminism.

Dependencies are vendored in `charts/` (directories or archives), lie elsewhere in the repository and are named with `file://`,
or are charts of repositories that the tree shows; the latter two are put into `charts/` beside the user's files, as
`helm dependency build` would.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.jsontext import read_json
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import read
from gitops_agent.render.archive import Member, members
from gitops_agent.render.chart_dependencies import ChartDependencies, Fetched
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.paths import join
from gitops_agent.render.template_code import code_of
from gitops_agent.revision.chart_dependency import ChartDependency, readable
from gitops_agent.revision.tree import Entry, EntryType

_LIMITS = YamlLimits(bytes=4 * 1024 * 1024, documents=1, nodes=200_000)
_NESTED = 10
_TEMPLATE_BYTES = 5 * 1024 * 1024
_CHANGING = re.compile(
    r"(?<![\w.$])(rand(?:Alpha|AlphaNum|Numeric|Ascii|Bytes|Int)|uuidv4|gen(?:CA|CAWithKey|PrivateKey|SelfSignedCert"
    r"|SelfSignedCertWithKey|SignedCert|SignedCertWithKey)|htpasswd|bcrypt|encryptAES|shuffle|now|ago)(?!\w)"
)
_CLOCK = re.compile(r"(?<![\w.$])(?:now|ago)(?!\w)")
_LOOKUP = re.compile(r"(?<![\w.$])lookup(?!\w)")
_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
_STANDARD = ("http://json-schema.org/", "https://json-schema.org/")
"""Addresses of the schemas that Helm has with it."""


@dataclass(slots=True)
class Chart:
    """A chart that was read.

    Attributes:
        path: its directory in the tree.
        name: what it calls itself; empty when it does not say.
        copies: directories of the tree to put under `charts/`, by the name they get there.
        fetched: charts of repositories to pack into `charts/` of those that depend on them.
        warnings: what would change at every render, or does not work without a cluster.
        changing: the warning that renders differ; empty when no template says so.
        clock: whether templates ask for the time.
        skip_schema: whether a schema refers to something that would have to be fetched.
    """

    path: str
    name: str = ""
    copies: dict[str, str] = field(default_factory=dict)
    fetched: list[Fetched] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    changing: str = ""
    clock: bool = False
    skip_schema: bool = False


def read_chart(inputs: Inputs, path: str) -> Chart:
    """Reads the chart in a directory with all of its files.

    Raises:
        RenderError: it is a library, its dependencies are not there, or an archive is broken or too large.
    """
    chart = Chart(path=path)
    dependencies = ChartDependencies(inputs)
    _Reader(inputs, chart, dependencies).read(_Place(path=path), chart.copies)
    dependencies.require()
    chart.fetched = dependencies.fetched
    chart.warnings += dependencies.warnings
    return chart


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """A chart among those that are read.

    Attributes:
        path: its directory in the tree.
        prefix: how helm's output calls it below the first chart; empty for that one.
        nested: how many charts lead to it.
        chain: those of them that were fetched.
    """

    path: str
    prefix: str = ""
    nested: int = 0
    chain: tuple[ChartDependency, ...] = ()

    @property
    def top(self) -> bool:
        """Whether it is the chart that is rendered."""
        return not self.nested

    def below(self, path: str, called: str, *chain: ChartDependency) -> _Place:
        """A dependency of it."""
        prefix = join(self.prefix, f"charts/{called}")
        return _Place(path=path, prefix=prefix, nested=self.nested + 1, chain=(*self.chain, *chain))


class _Reader:
    def __init__(self, inputs: Inputs, chart: Chart, fetching: ChartDependencies) -> None:
        self._inputs, self._chart, self._fetching = inputs, chart, fetching

    def read(self, place: _Place, copies: dict[str, str]) -> None:
        """Reads the chart in a directory; `copies` gets its `file://` dependencies."""
        path, top = place.path, place.top
        if place.nested > _NESTED:
            raise RenderError(f"{path}: charts depend on one another more than {_NESTED} deep", reason="RenderFailed")
        about = self._about(join(path, "Chart.yaml"))
        if top and about.get("type") == "library":
            text = (
                f"{path or '.'} is a library chart, which renders nothing by itself: "
                "depend on it from an application chart and point the Application there"
            )
            raise RenderError(text, reason="RenderFailed", path=path)
        if top:
            self._chart.name = _name(about)
        files = self._inputs.folder(path)
        vendored = self._vendored(path, files)
        self._scan(path, files)
        requirements = list(self._dependencies(path, about))
        absent = []
        for requirement in requirements:
            name, repository = requirement.get("name"), requirement.get("repository")
            if not isinstance(name, str) or name in vendored:
                continue
            if isinstance(repository, str) and repository.startswith("file://"):
                self._local(place, requirement, copies)
            else:
                absent.append(requirement)
        self._fetched(place, about, requirements, absent)

    def _fetched(self, place: _Place, about: Object, requirements: Sequence[Object], absent: Sequence[Object]) -> None:
        """Dependencies that are charts of repositories."""
        path = place.path
        named = [declared for declared in absent if isinstance(declared.get("repository"), str) and declared["repository"]]
        if place.top and len(named) < len(absent):
            raise _not_vendored(path, next(requirement for requirement in absent if requirement not in named))
        if named and not place.top and not self._fetching.published(path) and not self._locked(path):
            text = f"{path} is rendered without its dependency {named[0].get('name')}, as by Helm: it has no Chart.lock"
            self._chart.warnings.append(text)
            return
        for dependency, requirement in self._fetching.located(path, about, requirements, named, place.chain) if named else ():
            inner = place.below(dependency.path, _called(requirement), dependency)
            self._fetching.fetched.append(Fetched(parent=path, dependency=dependency, prefix=inner.prefix))
            self.read(inner, {})

    def _locked(self, path: str) -> bool:
        return any(self._inputs.locate(join(path, name)) is not None for name in ("Chart.lock", "requirements.lock"))

    def _about(self, file: str) -> Object:
        entry = self._inputs.locate(file)
        if entry is None:
            raise RenderError(f"{file} does not exist", reason="FileNotFound", file=file)
        return self._mapping(self._inputs.read(entry.path, limit=_LIMITS.bytes), file)

    def _mapping(self, data: bytes, file: str) -> Object:
        documents = read(data, file=file, limits=self._inputs.bounded(_LIMITS), last_key_wins=True).documents
        value = documents[0].value if documents else {}
        if not isinstance(value, dict):
            raise RenderError(f"{file}: is not a mapping", reason="RenderFailed", file=file)
        return value

    def _dependencies(self, path: str, about: Object) -> Iterator[Object]:
        dependencies = about.get("dependencies")
        older = self._inputs.locate(join(path, "requirements.yaml"))
        if older is not None and older.type is EntryType.FILE:
            dependencies = self._mapping(self._inputs.read(older.path, limit=_LIMITS.bytes), older.path).get("dependencies")
        if isinstance(dependencies, list):
            yield from (dependency for dependency in dependencies if isinstance(dependency, dict))

    def _local(self, place: _Place, requirement: Object, copies: dict[str, str]) -> None:
        """A dependency that lies elsewhere in the repository."""
        path, name = place.path, str(requirement["name"])
        file = join(path, "Chart.yaml")
        local = join(path, str(requirement["repository"]).removeprefix("file://"), named_in=f"{file}: dependency {name}")
        if not self._fetching.contained(path, local):
            text = f"{file}: the dependency {name} leads out of its chart"
            raise RenderError(text, reason="PathEscapes", file=file)
        entry = self._inputs.locate(local)
        if entry is None or entry.type is not EntryType.DIRECTORY:
            text = f"{file}: the dependency {name} is not at {local or '.'}"
            raise RenderError(text, reason="FileNotFound", file=file)
        if path == entry.path or path.startswith(f"{entry.path}/") or not entry.path:
            raise RenderError(f"{file}: the dependency {name} holds the chart itself", reason="RenderFailed", file=file)
        folder = posixpath.basename(entry.path)
        copies[f"charts/{folder}"] = entry.path
        inner: dict[str, str] = {}
        self.read(place.below(entry.path, _called(requirement)), inner)
        copies.update({f"charts/{folder}/{key}": value for key, value in inner.items()})

    def _vendored(self, path: str, files: tuple[Entry, ...]) -> set[str]:
        """Names of the charts in `charts/`; archives are checked."""
        names: set[str] = set()
        charts = join(path, "charts")
        for file in files:
            if not file.path.startswith(f"{charts}/"):
                continue
            parts = file.path.removeprefix(f"{charts}/").split("/")
            if len(parts) == 2 and parts[1] == "Chart.yaml":  # noqa: PLR2004 - a directory and its file
                names.add(_name(self._mapping(self._inputs.read(file.path, limit=_LIMITS.bytes), file.path)))
            if file.path.endswith(".tgz"):
                names |= self._packed(file.path, top=len(parts) == 1)
        return names

    def _packed(self, file: str, *, top: bool) -> set[str]:
        names: set[str] = set()
        for member in members(self._inputs.read(file), file=file):
            if posixpath.basename(member.path) == "Chart.yaml":
                if top and member.path.strip("/").count("/") == 1:
                    names.add(_name(self._mapping(member.data, f"{file}: {member.path}")))
            else:
                self._look(Member(f"{file}: {member.path}", member.data))
        return names

    def _scan(self, path: str, files: tuple[Entry, ...]) -> None:
        """Looks for what would not come out the same twice."""
        for file in files:
            below = f"/{posixpath.relpath(file.path, path or '.')}"
            if ("/templates/" in below and "/templates/tests/" not in below) or below.endswith("/values.schema.json"):
                self._look(Member(readable(file.path), self._inputs.read(file.path)))

    def _look(self, member: Member) -> None:
        if member.path.endswith("values.schema.json"):
            if _fetches(member, self._inputs.bounded(_LIMITS)):
                self._chart.skip_schema = True
                text = f"{member.path} refers to another address, which is not fetched: values are not checked against schemas"
                self._chart.warnings.append(text)
            return
        if not member.path.endswith((".yaml", ".yml", ".tpl", ".json")) or len(member.data) > _TEMPLATE_BYTES:
            return
        code = code_of(member.data.decode("utf-8", "replace"))
        if _LOOKUP.search(code):
            self._warn("lookup", f"{member.path} uses lookup, which finds nothing here: charts are rendered without a cluster")
        changing = _CHANGING.search(code)
        if changing:
            text = f"{member.path} uses {changing[1]}: where its result is rendered, every render differs and is applied anew"
            self._warn("changing", text)
            self._chart.changing = self._chart.changing or text
            self._chart.clock = self._chart.clock or _CLOCK.search(code) is not None

    def _warn(self, subject: str, text: str) -> None:
        """Once for a chart, whatever the number of its templates."""
        word = {"lookup": " uses lookup,", "changing": "every render differs"}[subject]
        if not any(word in warning for warning in self._chart.warnings):
            self._chart.warnings.append(text)


def _name(about: Object) -> str:
    name = about.get("name")
    return name if isinstance(name, str) else ""


def _fetches(member: Member, limits: YamlLimits) -> bool:
    """Whether a JSON schema refers to another address.

    It does so in a reference or as its own kind of schema, or by its name where a reference is relative to that.
    """
    try:
        pending: list[Any] = [document.value for document in read_json(member.data, file=member.path, limits=limits).documents]
    except RenderError:
        return b"://" in member.data
    relative = named = False
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            references = [reference for name in _REFERENCES if isinstance(reference := value.get(name), str)]
            schema = value.get("$schema")
            if any(_address(reference) for reference in references) or _address(schema):
                return True
            relative = relative or any(not reference.startswith("#") for reference in references)
            named = named or _address(value.get("$id")) or _address(value.get("id"))
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)
    return relative and named


def _address(value: Any) -> bool:
    return isinstance(value, str) and "://" in value.split("#", 1)[0] and not value.startswith(_STANDARD)


def _called(requirement: Object) -> str:
    """How a chart calls a dependency."""
    return str(requirement.get("alias") or requirement.get("name"))


def _not_vendored(path: str, dependency: Object) -> RenderError:
    words = " ".join(str(dependency[key])[:200] for key in ("name", "version") if dependency.get(key))
    text = (
        f"{join(path, 'Chart.yaml')}: the dependency {words} names no repository and is not in {join(path, 'charts')}: put it "
        "there and commit"
    )
    return RenderError(text, reason="RenderFailed", path=path)
