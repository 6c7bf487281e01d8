"""JSON pointers (RFC 6901): escape, join, parse, print as field paths.

Decision: a pointer is the form that programs read (`-o json`, `ignoreFields`, JSON patches), a field path the form that people
read. A step may also name an item of a list by its merge key, as `manifest.merge_keys` writes it: `[name=web]`.
"""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_NAMES = re.compile(r"(^|,)[A-Za-z]+=")


def escape(step: str) -> str:
    """One step as it stands in a pointer."""
    return step.replace("~", "~0").replace("/", "~1")


def unescape(step: str) -> str:
    """The step that a part of a pointer spells."""
    return step.replace("~1", "/").replace("~0", "~")


def pointer(*steps: str) -> str:
    """The pointer of some steps; without steps the whole value."""
    return "".join("/" + escape(step) for step in steps)


def parse(path: str) -> tuple[str, ...]:
    """The steps of a pointer."""
    return tuple(unescape(part) for part in path.split("/")[1:])


def field_path(path: str) -> str:
    """The pointer as a field path: `spec.template.spec.containers[web].image`, `metadata.annotations[example.com/a]`."""
    text = ""
    for step in parse(path):
        if step.startswith("[") and step.endswith("]") and "=" in step:
            text += "[" + _NAMES.sub(r"\1", step[1:])
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{step}]"
    return text
