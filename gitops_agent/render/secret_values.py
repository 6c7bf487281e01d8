"""Secret values to redact from errors of render programs.

Problem: kustomize quotes the literal of a Secret it cannot use, a chart may `fail` with a password in its text, and the agent
hands error texts on to statuses, Events and chats. Decision: whatever the files the program was given mark as secret, by kind,
by generator or by the name of a field, is taken out of its words. It is looked for only when a render has failed.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gitops_agent.errors import AgentError
from gitops_agent.manifest.yaml import load_all
from gitops_agent.process import redact

_TELLING = re.compile(
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credentials?)$", re.IGNORECASE
)
_LINE = re.compile(r"[\s\"'-]*+(?P<name>[\w.-]++)[\"']?+\s*+[:=]")
"""How a line begins that names a value. Every part is possessive: a line that does not fit is given up in linear time."""
_FILE_BYTES = 256 * 1024
_FILES = 500
_ALL_BYTES = 8 * 1024 * 1024
_SHORTEST = 4
_LONGEST_NAME = 64


def without_secrets(text: str, folder: Path) -> str:
    """The text without what the files under a folder mark as secret."""
    return redact(text, _found(folder, text))


def _found(folder: Path, text: str) -> set[str]:
    """The secret values that a text contains; others are not kept."""
    result: set[str] = set()
    paths = sorted(folder.rglob("*"), key=lambda path: (len(path.parts), path))  # values files before what lies deep
    files = (path for path in paths if path.is_file() and not path.is_symlink())
    left = _ALL_BYTES
    for path, _ in zip(files, range(_FILES), strict=False):
        with path.open("rb") as file:
            data = file.read(min(_FILE_BYTES, left))
        left -= len(data)
        values = (value.strip() for value in _of_file(data, path))
        result.update(value for value in values if len(value) >= _SHORTEST and value in text)
    return result


def _of_file(data: bytes, path: Path) -> Iterator[str]:
    text = data.decode("utf-8", "replace")
    try:
        documents = load_all(data, file=path.name) if path.suffix in (".yaml", ".yml", ".json") else []
    except AgentError:
        documents = []
    if not documents:
        yield from _of_lines(text)
    for document in documents:
        yield from _of_value(document, secret=False)
        for generator in _generators(document):
            yield from _generated(generator, path.parent)


def _of_lines(text: str) -> Iterator[str]:
    """Values of a text that is no YAML, after their names.

    A name alone on its line has its value on the next one.
    """
    telling = False
    for line in text.splitlines():
        match = _LINE.match(line)
        if match is not None:
            telling = bool(_TELLING.search(match["name"][-_LONGEST_NAME:]))
        elif not telling:
            continue
        value = _unquoted(line[match.end() :] if match else line)
        if value and telling:
            yield value
        if value:
            telling = False


def _unquoted(text: str) -> str:
    value = text.strip()
    value = value[1:] if value[:1] in ("'", '"') else value
    return value[:-1] if value[-1:] in ("'", '"') else value


def _of_value(value: Any, *, secret: bool) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("kind") == "Secret":
            yield from _of_value({name: value.get(name) for name in ("data", "stringData")}, secret=True)
        for name, below in value.items():
            yield from _of_value(
                below, secret=secret or (isinstance(name, str) and bool(_TELLING.search(name)) and _plain(below))
            )
    elif isinstance(value, list):
        for below in value:
            yield from _of_value(below, secret=secret)
    elif secret and isinstance(value, str):
        yield value
        yield from value.splitlines()
        yield from _decoded(value)


def _plain(value: Any) -> bool:
    """Whether a sensitive name holds a value, not a configuration.

    `secretGenerator` is such a configuration.
    """
    return isinstance(value, str)


def _decoded(value: str) -> Iterator[str]:
    try:
        yield base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return


def _generators(document: Any) -> list[dict[str, Any]]:
    generators = document.get("secretGenerator") if isinstance(document, dict) else None
    return [generator for generator in generators if isinstance(generator, dict)] if isinstance(generators, list) else []


def _generated(generator: dict[str, Any], folder: Path) -> Iterator[str]:
    for literal in generator.get("literals") or ():
        yield str(literal)
        yield str(literal).partition("=")[2]
    named = [*(generator.get("envs") or ()), *(generator.get("files") or ()), generator.get("env")]
    for name in (str(name).rpartition("=")[2] for name in named if name):
        path = folder / name
        if not path.is_file():
            continue
        with path.open("rb") as file:
            text = file.read(_FILE_BYTES).decode("utf-8", "replace")
        yield text
        for line in text.splitlines():
            yield line
            yield line.partition("=")[2]
