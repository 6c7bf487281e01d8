"""Rewrites messages of the API server for authors of manifests.

The server's texts name the object again, wear Go's type names and join several problems without a mark; in a status of one line
that leaves no room for the fields. The reader of a problem already sees which object it is about.
"""

from __future__ import annotations

import re

_LONGEST_VALUE = 60
_SHOWN = 40
_OPENINGS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\(combined from similar events\): ",
        r"Error creating: ",
        r"failed to (?:create typed patch object|convert new object) \([^)]*\)(?: to [^:]+)?: ?(?:errors: ?)?",
        r'[\w.-]+ "[^"]*" is invalid: ',
        r"unable to convert unstructured object to [^:]+, Kind=\w+: ",
    )
)
_TYPED = re.compile(r"&?(?:value\.)?valueUnstructured\{Value:(.*?)\}(?=$| \.)")
_NEXT = re.compile(r"(?<=\S) (?=\.[A-Za-z][\w.\[\]\"=-]*: )")
_VALUE = re.compile(rf'(?<=value: )"([^"]{{{_LONGEST_VALUE + 1},}})"')
_LIST = re.compile(r"^\[([a-z][\w.]*(?:\[|: ).*?)\]?$")
_TOO_LONG = re.compile(r"^\[\]: Too long: may not be more than (\d+) bytes")
_PATTERN = re.compile(r", regex used for validation is '[^']*'")


def simplify(text: str) -> str:
    """The text without the object's name and Go types; never empty.

    >>> simplify('Deployment.apps "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0')
    'spec.replicas: Invalid value: -1: must be greater than or equal to 0'
    """
    rest = text
    for opening in _OPENINGS:
        match = opening.match(rest)
        if match:
            rest = rest[match.end() :]
    rest = _NEXT.sub("; ", _TYPED.sub(r"\1", rest))
    rest = _TOO_LONG.sub(r"data: too long: all values together may not be more than \1 bytes; split the object", rest)
    rest = _LIST.sub(r"\1", rest)
    rest = _VALUE.sub(lambda value: f'"{value[1][:_SHOWN]}…"', _PATTERN.sub("", rest))
    return rest.strip() or text
