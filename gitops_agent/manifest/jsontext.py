"""Parses JSON manifests with the limits, errors and numbers of YAML.

Our fast JSON library takes the last of two equal keys, so files are read by the standard library's parser, which lets us see
each key and number; several values one after the other are several documents, as for kubectl.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any, NoReturn

from gitops_agent.manifest.dialect import number
from gitops_agent.manifest.document import Document, Documents, YamlLimits, refusal
from gitops_agent.manifest.text import decode

_EXACT = 2**63
_INTEGER_DIGITS = 20
_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_OPENING = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL)
"""A string, a bracket, or a comma. A string that nothing closes reaches to the end, so that no search starts again in it."""


def read_json(data: bytes, *, file: str = "", limits: YamlLimits | None = None) -> Documents:
    """The documents of a JSON text.

    Raises:
        RenderError: reason `InvalidManifest`, with `file`, `line` and `document` among the facts.
    """
    limits = limits or YamlLimits()
    text = decode(data, file=file, limits=limits)
    _check_extent(text, file=file, limits=limits)
    escaped = _SURROGATE.search(text) is not None
    documents: list[Document] = []
    position = _after_space(text, 0)
    counted, line = 0, 1
    while position < len(text):
        line, counted = line + text.count("\n", counted, position), position
        index = len(documents)
        if index >= limits.documents:
            raise refusal(f"more than {limits.documents} documents", file=file, line=line)
        try:
            value, position = _DECODER.raw_decode(text, position)
            if escaped:
                _check_surrogates(value)
        except json.JSONDecodeError as error:
            raise refusal(f"is not JSON: {error.msg}", file=file, line=error.lineno, document=index) from None
        except ValueError as error:
            raise refusal(str(error), file=file, line=line, document=index) from None
        if value is not None:
            documents.append(Document(value=value, index=index, line=line))
        position = _after_space(text, position)
    return Documents(documents=tuple(documents))


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _check_extent(text: str, *, file: str, limits: YamlLimits) -> None:
    """Before parsing: the parser recurses, and builds whatever there is."""
    depth = nodes = 0
    most = limits.most
    for match in _OPENING.finditer(text):
        mark = match[0]
        nodes += mark in "[{,"
        if nodes > most:
            line = text.count("\n", 0, match.start()) + 1
            raise refusal(limits.too_many(), file=file, line=line)
        if mark in "[{":
            depth += 1
            if depth > limits.depth:
                line = text.count("\n", 0, match.start()) + 1
                raise refusal(f"nested more than {limits.depth} levels deep", file=file, line=line)
        elif mark in "]}":
            depth -= 1
    limits.spend(nodes)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        counts = Counter(key for key, _ in pairs)
        twice = next(key for key, count in counts.items() if count > 1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return result


def _check_surrogates(value: Any) -> None:
    """Refuses an escaped surrogate without its other half; encoding finds it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("holds half of a surrogate pair") from None


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} cannot be sent to an API server")


def _integer(text: str) -> int | float:
    value = int(text) if len(text) <= _INTEGER_DIGITS else float(text)
    return value if -_EXACT <= value < _EXACT else float(value)


_DECODER = json.JSONDecoder(object_pairs_hook=_mapping, parse_constant=_constant, parse_float=number, parse_int=_integer)
