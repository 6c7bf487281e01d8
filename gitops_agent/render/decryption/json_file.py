"""Encrypted JSON: one object, or the envelope of a binary file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from gitops_agent.errors import RenderError
from gitops_agent.manifest.document import YamlLimits
from gitops_agent.manifest.jsontext import read_json
from gitops_agent.render.decryption.errors import DecryptionFailed

_LIMITS = YamlLimits(bytes=5 * 1024 * 1024, documents=1, depth=70, nodes=200_000)
_EXACT = 2**63


def parse_json(data: bytes, *, file: str) -> dict[str, Any]:
    """The object of a file.

    Raises:
        DecryptionFailed: it holds another value, or is no JSON within the limits.
    """
    try:
        read_json(data, file=file, limits=_LIMITS)  # for its limits and its refusals
        value = json.loads(data, parse_int=_integer, parse_constant=_constant)
    except RenderError as error:
        raise DecryptionFailed("", error.message) from None
    except ValueError as error:
        raise DecryptionFailed(file, f"is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise DecryptionFailed(file, "holds no JSON object")
    return value


def is_envelope(value: Mapping[str, Any]) -> bool:
    """Whether an object wraps a whole file."""
    return value.keys() == {"data", "sops"} and isinstance(value["data"], str)


def write_json(value: Any) -> bytes:
    """A plain object as JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=_refuse).encode() + b"\n"


def _refuse(value: Any) -> NoReturn:
    raise ValueError(f"{type(value).__name__} is no JSON value")


def _integer(text: str) -> int | float:
    value = int(text)
    return value if -_EXACT <= value < _EXACT else float(value)


def _constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
