"""The parameters that an ApplicationSet's generators yield.

A generator yields a list of parameter sets: of a list, of directories and files of a repository, and of two or more generators
that are combined. The others ask services that an import does not ask.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.importer import template_text
from gitops_agent.importer.repositories import Repositories
from gitops_agent.importer.template_text import TemplateNotRead, normalised
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.manifest.selector import matches
from gitops_agent.manifest.yaml import load_all

Parameters = dict[str, Any]
MOST = 10_000
_FILE_BYTES = 1 << 20
_MOST_STARS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Generators:
    """How the generators of one set are read.

    Attributes:
        go: Go's templates, in which parameters are nested; else they are flat.
        repositories: where directories and files are.
    """

    go: bool
    repositories: Repositories

    def yielded(self, generator: Object) -> list[Parameters]:
        """The parameter sets of a generator.

        Raises:
            TemplateNotRead: it is none of those that are expanded, or its repository cannot be read.
        """
        kinds = [name for name in generator if name not in {"selector", "template"}]
        reader = self._readers().get(kinds[0]) if len(kinds) == 1 else None
        if reader is None:
            raise TemplateNotRead(f"the generator {', '.join(kinds) or 'without a kind'} is not expanded")
        sets = reader(mapping(generator, kinds[0]))
        if generator.get("selector"):
            sets = [
                parameters
                for parameters in sets
                if matches(generator["selector"], {k: str(v) for k, v in flat(parameters).items()})
            ]
        if len(sets) > MOST:
            raise TemplateNotRead(f"the generator yields more than {MOST} Applications")
        return sets

    def replaced(self, value: Any, parameters: Parameters) -> Any:
        """A value with the texts of its template replaced.

        Raises:
            TemplateNotRead: a text is not expanded.
        """
        language = template_text.go if self.go else template_text.simple
        known_parameters = parameters if self.go else flat(parameters)
        return template_text.rendered(value, lambda text: language(text, known_parameters))

    def _readers(self) -> Mapping[str, Callable[[Object], list[Parameters]]]:
        return {"list": self._list, "git": self._git, "matrix": self._matrix, "merge": self._merge}

    def _list(self, generator: Object) -> list[Parameters]:
        elements = list(generator.get("elements") or ())
        if generator.get("elementsYaml"):
            elements += _parsed(str(generator["elementsYaml"]), "elementsYaml")
        return [copy(element) for element in items(elements)]

    def _git(self, generator: Object) -> list[Parameters]:
        url, revision = str(generator.get("repoURL") or ""), str(generator.get("revision") or "")
        prefix = str(generator.get("pathParamPrefix") or "")
        try:
            tree = self.repositories.tree(url, revision)
            paths = [entry.path for entry in tree.walk("")]
            if generator.get("directories"):
                sets = [self._place(path, prefix) for path in _selected(_directories(paths), items(generator["directories"]))]
            else:
                sets = [
                    {**content, **self._place(posixpath.dirname(path), prefix, file=posixpath.basename(path))}
                    for path in _selected(paths, items(generator.get("files")))
                    for content in _contents(tree.read(path, limit=_FILE_BYTES), path)
                ]
        except SourceError as error:
            raise TemplateNotRead(f"the repository {url} is not read: {error}") from error
        return [{**parameters, **self._values(mapping(generator, "values"), parameters)} for parameters in sets]

    def _values(self, values: Object, parameters: Parameters) -> Parameters:
        return {"values": self.replaced(values, parameters)} if values else {}

    def _place(self, path: str, prefix: str, file: str = "") -> Parameters:
        """The parameters of a path, nested or flat."""
        base = posixpath.basename(path)
        facts: Parameters = {"path": path, "basename": base, "basenameNormalized": normalised(base)}
        facts |= {"filename": file, "filenameNormalized": normalised(file)} if file else {}
        segments = path.split("/")
        if self.go:
            nested: Parameters = {"path": facts | {"segments": segments}}
            return {prefix: nested} if prefix else nested
        name = f"{prefix}.path" if prefix else "path"
        result = {name: path, **{f"{name}.{fact}": value for fact, value in facts.items() if fact != "path"}}
        return result | {f"{name}[{index}]": segment for index, segment in enumerate(segments)}

    def _matrix(self, generator: Object) -> list[Parameters]:
        children = items(generator.get("generators"))
        if len(children) != 2:  # noqa: PLR2004 - Argo CD's own rule
            raise TemplateNotRead("a matrix needs two generators")
        first, second = children
        result = []
        for parameters in self.yielded(first):
            inner = (
                self.replaced({name: value for name, value in second.items() if name != "template"}, parameters)
                if _refers(second)
                else second
            )
            result += [_united(parameters, other) for other in self.yielded(inner)]
        return result

    def _merge(self, generator: Object) -> list[Parameters]:
        keys = [str(key) for key in generator.get("mergeKeys") or ()]
        base, *others = [self.yielded(child) for child in items(generator.get("generators"))] or [[]]
        result = [dict(parameters) for parameters in base]
        for overrides in others:
            for index, override in product(range(len(result)), overrides):
                here, there = flat(result[index]), flat(override)
                if keys and all(key in here and here[key] == there.get(key) for key in keys):
                    result[index] = _united(result[index], override)
        return result


def flat(parameters: Mapping[str, Any], prefix: str = "") -> Parameters:
    """Nested parameters by names such as `values.region` and `path[0]`."""
    result: Parameters = {}
    for name, value in parameters.items():
        path = f"{prefix}{name}"
        if isinstance(value, dict):
            result |= flat(value, f"{path}.")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                result |= flat(item, f"{path}[{index}].") if isinstance(item, dict) else {f"{path}[{index}]": item}
        else:
            result[path] = value
    return result


def _united(base: Parameters, other: Parameters) -> Parameters:
    """Both sets; nested values are merged, the second wins."""
    result = dict(base)
    for name, value in other.items():
        here = result.get(name)
        result[name] = _united(here, value) if isinstance(here, dict) and isinstance(value, dict) else value
    return result


def _refers(generator: Object) -> bool:
    return "{{" in str(generator)


def _directories(files: list[str]) -> list[str]:
    """All directories with files below them, without hidden ones."""
    paths = {parent for file in files for parent in _parents(file)}
    return sorted(path for path in paths if not any(part.startswith(".") for part in path.split("/")))


def _parents(path: str) -> Iterator[str]:
    while path := posixpath.dirname(path):
        yield path


def _selected(paths: list[str], patterns: list[Object]) -> list[str]:
    """The paths that a pattern selects and none excludes."""
    chosen = [_pattern(str(pattern.get("path") or "")) for pattern in patterns if pattern.get("exclude") is not True]
    excluded = [_pattern(str(pattern.get("path") or "")) for pattern in patterns if pattern.get("exclude") is True]
    return sorted(
        path
        for path in paths
        if any(pattern.fullmatch(path) for pattern in chosen) and not any(pattern.fullmatch(path) for pattern in excluded)
    )


def _pattern(text: str) -> re.Pattern[str]:
    """A glob: `*` and `?` stay in a directory, `**` does not."""
    text = text.removeprefix("./").strip("/")
    if text.count("*") > _MOST_STARS:
        raise TemplateNotRead(f"the pattern {text[:80]} has more than {_MOST_STARS} stars")
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\{[^{}]*\})", text)
    words = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(words.get(part) or _literal(part) for part in parts))


def _literal(part: str) -> str:
    if part.startswith("{"):
        return f"(?:{'|'.join(map(re.escape, part[1:-1].split(',')))})"
    return re.escape(part)


def _contents(data: bytes, path: str) -> list[Parameters]:
    """The parameter sets in a file: a map, or a list."""
    values = _parsed(data.decode("utf-8", "replace"), path)
    return items(values)


def _parsed(text: str, file: str) -> list[Any]:
    try:
        documents = load_all(text.encode(), file=file)
    except RenderError as error:
        raise TemplateNotRead(f"{file} is not read: {error}") from error
    return [item for document in documents for item in (document if isinstance(document, list) else [document])]
