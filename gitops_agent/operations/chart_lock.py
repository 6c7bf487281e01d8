"""Writes the version of a chart into the file of its Application.

Only its version and digest change: they are replaced where they stand in the text, so the rest stays as it was written. The
result is read again, and refused unless it differs in those two values alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from gitops_agent.errors import UsageError
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import DocumentEvent, EndEvent, ScalarEvent, StartEvent, events, load_all

_PLACES = (("spec", "source", "chart"), ("spec", "render", "helm", "chart"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPin:
    """The version that an Application follows now."""

    version: str
    digest: str


def dependencies_of(application: Object) -> list[Object]:
    """The charts that were fetched for it, as `lock` prints them."""
    rows = ((application.get("status") or {}).get("source") or {}).get("dependencies") or []
    return [{name: row.get(name) for name in ("name", "version", "repository", "digest")} for row in rows]


def has_chart(application: Object) -> bool:
    """Whether it has a chart of a repository."""
    return any(_chart(application, path) is not None for path in _PLACES)


def pin_of(application: Object) -> ChartPin:
    """What the status of an Application says of its chart.

    Raises:
        UsageError: it has no chart, or follows another one by now.
    """
    name = application["metadata"]["name"]
    chart = _chart(application, _PLACES[0]) or _chart(application, _PLACES[1])
    if chart is None:
        raise UsageError(f"{name} has no chart of a repository: spec.source.chart and spec.render.helm.chart are absent")
    resolved = ((application.get("status") or {}).get("source") or {}).get("chart") or {}
    pairs = (("name", "name"), ("repository", "repository"), ("version", "range"))
    if any(resolved.get(status) != chart.get(field_) for field_, status in pairs):
        raise UsageError(f"{name} has not resolved {chart.get('name')} {chart.get('version')} yet: see its status")
    return ChartPin(version=str(resolved["version"]), digest=str(resolved["digest"]))


def locked(data: bytes, name: str, pin: ChartPin, *, file: str) -> bytes:
    """A file in which the Application of that name follows one version.

    Raises:
        UsageError: it declares no such Application with a chart, or cannot be changed safely.
        RenderError: it is not YAML.
    """
    text = data.decode()
    before = load_all(data, file=file)
    for number, document in enumerate(_documents(data, file)):
        if document.texts.get(("kind",)) != "Application" or document.texts.get(("metadata", "name")) != name:
            continue
        path = next((path for path in _PLACES if (*path, "version") in document.spans), None)
        if path is None:
            break
        after = _edited(text, document, path, pin)
        expected = [copy(obj) for obj in before]
        chart = _chart(expected[number], path)
        if chart is not None:
            chart |= {"version": pin.version, "digest": pin.digest}
        if load_all(after.encode(), file=file) != expected:
            raise UsageError(f"{file} cannot be changed safely: write version and digest of the chart yourself")
        return after.encode()
    raise UsageError(f"{file} declares no Application {name} with a chart")


@dataclass(slots=True)
class _Document:
    """The texts of a document by their keys, and where they stand."""

    texts: dict[tuple[str, ...], str] = field(default_factory=dict)
    spans: dict[tuple[str, ...], tuple[int, int, int]] = field(default_factory=dict)
    """Where the key begins, and where its value begins and ends."""


@dataclass(slots=True)
class _Level:
    mapping: bool
    key: ScalarEvent | None = None


def _documents(data: bytes, file: str) -> Iterator[_Document]:
    document: _Document | None = None
    levels: list[_Level] = []
    for event in events(data, file=file):
        if isinstance(event, DocumentEvent):
            if document is not None and document.texts:
                yield document
            document, levels = _Document(), []
        elif isinstance(event, StartEvent):
            levels.append(_Level(event.mapping))
        elif isinstance(event, EndEvent):
            levels.pop()
            if levels:
                levels[-1].key = None
        elif levels and levels[-1].mapping and levels[-1].key is None:
            levels[-1].key = event
        elif levels and document is not None:
            key = levels[-1].key
            if key is not None and all(level.key is not None for level in levels):
                path = tuple(level.key.text for level in levels if level.key is not None)
                document.texts[path] = event.text
                document.spans[path] = (key.start, event.start, event.end)
            levels[-1].key = None
    if document is not None and document.texts:
        yield document


def _edited(text: str, document: _Document, place: tuple[str, ...], pin: ChartPin) -> str:
    key, start, end = document.spans[*place, "version"]
    digest = document.spans.get((*place, "digest"))
    edits = [(start, end, _written(text[start:end], pin.version))]
    if digest is not None:
        edits.append((digest[1], digest[2], _written(text[digest[1] : digest[2]], pin.digest)))
    else:
        first = min(span[0] for path, span in document.spans.items() if path[:-1] == place)
        flow = text[:first].rstrip().endswith("{")
        indent = text[text.rfind("\n", 0, key) + 1 : key]
        between = ", " if flow else "\n" + " " * len(indent)
        edits[0] = (start, end, f'{edits[0][2]}{between}digest: "{pin.digest}"')
    for begin, stop, new in sorted(edits, reverse=True):
        text = text[:begin] + new + text[stop:]
    return text


def _written(old: str, value: str) -> str:
    """A value in the quotes of the one before."""
    quote = old[:1] if old[:1] in ("'", '"') else '"' if ":" in value else ""
    return f"{quote}{value}{quote}"


def _chart(application: Object, place: tuple[str, ...]) -> Object | None:
    value: Object | None = application
    for key in place:
        value = value.get(key) if isinstance(value, dict) else None
    return value
