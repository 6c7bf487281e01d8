"""Encrypted `.env` files: lines `NAME=value`, with `sops_` names for the metadata."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gitops_agent.render.decryption.errors import DecryptionFailed

PREFIX = "sops_"
_STEP = re.compile(r"__(map|list)_")
_MOST_STEPS = 12
_MOST_ITEMS = 1000


def read_dotenv(data: bytes, *, file: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The variables of a file, and its metadata in nested form.

    Raises:
        DecryptionFailed: it is no such file.
    """
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError:
        raise DecryptionFailed(file, "is not UTF-8") from None
    values: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise DecryptionFailed(file, f"has no = in line {number}")
        target = metadata if name.startswith(PREFIX) else values
        key = name.removeprefix(PREFIX) if target is metadata else name
        if key in target:
            raise DecryptionFailed(file, f"holds the name {name} twice")
        target[key] = value.replace("\\n", "\n")
    return values, _nested(metadata, file)


def write_dotenv(values: Mapping[str, Any], *, file: str) -> bytes:
    """Variables as lines; a line break inside a value stays escaped.

    Raises:
        DecryptionFailed: a value is no text.
    """
    lines = []
    for name, value in values.items():
        if isinstance(value, bytes):
            raise DecryptionFailed(file, f"/{name} is not UTF-8")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        lines.append(f"{name}={text}".replace("\n", "\\n"))
    return "".join(f"{line}\n" for line in lines).encode()


def _nested(flat: Mapping[str, str], file: str) -> dict[str, Any]:
    """Metadata whose names say where each value belongs: `age__list_0__map_enc`."""
    root: dict[str, Any] = {}
    for name, value in flat.items():
        parts = _STEP.split(name)
        if len(parts) > _MOST_STEPS:
            raise DecryptionFailed(file, f"has metadata that is nested too deeply: {PREFIX}{name[:100]}")
        node: Any = root
        for step in [parts[0], *parts[2::2]][:-1]:
            node = node.setdefault(step, {})
            if not isinstance(node, dict):
                raise DecryptionFailed(file, f"has metadata that contradicts itself at {PREFIX}{name[:100]}")
        node[parts[-1]] = value
    return {name: _lists(value) for name, value in root.items()}


def _lists(value: Any) -> Any:
    """Mappings whose keys are 0, 1, … as lists."""
    if not isinstance(value, dict):
        return value
    converted = {name: _lists(below) for name, below in value.items()}
    positions = [str(index) for index in range(min(len(converted), _MOST_ITEMS))]
    return [converted[position] for position in positions] if converted and set(converted) == set(positions) else converted
