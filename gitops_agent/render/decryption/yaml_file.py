"""Encrypted YAML: its documents as plain values, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.yaml import DocumentEvent, ScalarEvent, StartEvent, dump_all, events
from gitops_agent.render.decryption.errors import DecryptionFailed
from gitops_agent.render.decryption.yaml_scalars import resolved

_LIMITS = YamlLimits(bytes=5 * 1024 * 1024, documents=1000, depth=70, nodes=200_000)
_EXACT = 2**63


class _Missing:
    """Marks a mapping that waits for its next key."""


_KEY = _Missing()


def read_yaml(data: bytes, *, file: str) -> list[Any]:
    """The documents of a file as sops reads them; empty ones None.

    Raises:
        DecryptionFailed: it is no YAML, or uses what sops does not write.
    """
    documents: list[Any] = []
    stack: list[Any] = []
    keys: list[Any] = []
    try:
        for event in events(data, file=file, limits=_LIMITS):
            if isinstance(event, DocumentEvent):
                documents.append(None)
            elif isinstance(event, StartEvent):
                value: Any = {} if event.mapping else []
                _attach(documents, stack, keys, value)
                stack.append(value)
                keys.append(_KEY)
            elif isinstance(event, ScalarEvent):
                try:
                    scalar = resolved(event.text, event.tag, plain=event.plain)
                except ValueError as error:
                    raise ValueError(f"holds in line {event.line} {error}") from None
                _attach(documents, stack, keys, scalar)
            else:
                stack.pop()
                keys.pop()
    except ValueError as error:
        raise DecryptionFailed(file, str(error)) from None
    except RenderError as error:
        raise DecryptionFailed("", error.message) from None
    return documents


def write_yaml(documents: Sequence[Any]) -> bytes:
    """Plain values as YAML that every dialect reads in the same way."""
    return dump_all(_numbers(document) for document in documents).encode()


def _attach(documents: list[Any], stack: list[Any], keys: list[Any], value: Any) -> None:
    """Puts a value where it belongs."""
    if not stack:
        documents[-1] = value
    elif isinstance(stack[-1], list):
        stack[-1].append(value)
    elif keys[-1] is _KEY:
        if not isinstance(value, str):
            raise ValueError("has a key that is no text; put it in quotes")
        if value in stack[-1]:
            raise ValueError(f"holds the key {value} twice in one mapping")
        keys[-1] = value
    else:
        stack[-1][keys[-1]] = value
        keys[-1] = _KEY


def _numbers(value: Any) -> Any:
    """Whole numbers without a fraction, as JSON writes them."""
    if isinstance(value, dict):
        return {name: _numbers(below) for name, below in value.items()}
    if isinstance(value, list):
        return [_numbers(below) for below in value]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    return value
