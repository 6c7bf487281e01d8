"""Durations as Go and Kubernetes spell them: `30s`, `5m`, `1h30m`, `1.5h`, `500ms`.

Every duration of the API lies between one second and 24 hours: below, a poll is a denial of service; above, it is most likely a
slip of the unit. A bad one is a problem of the one object that holds it and of nothing else.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from gitops_agent.manifest.amounts import seconds

LOWEST = timedelta(seconds=1)
HIGHEST = timedelta(hours=24)

_LONGEST_TEXT = 32
PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"


def parse_duration(text: Any) -> timedelta:
    """The duration a text spells, to the microsecond.

    Raises:
        ValueError: it is no text of this form, or not between one second and 24 hours.
    """
    if isinstance(text, timedelta):
        value = text
    else:
        spelled = isinstance(text, str) and len(text) <= _LONGEST_TEXT and re.fullmatch(PATTERN, text)
        length = seconds(text) if spelled else None
        if length is None:
            raise ValueError("is not a duration such as 30s, 5m or 1h30m")
        # The bound comes before the conversion: a timedelta overflows where a fraction does not.
        if length > HIGHEST.total_seconds():
            raise ValueError(f"is longer than {format_duration(HIGHEST)}")
        value = timedelta(microseconds=round(length * 1_000_000))
    if not LOWEST <= value <= HIGHEST:
        raise ValueError(f"is not between {format_duration(LOWEST)} and {format_duration(HIGHEST)}")
    return value


def format_duration(value: timedelta) -> str:
    """The shortest spelling, such as `1h30m` or `1s500ms`; truncates to milliseconds."""
    rest = int(value / timedelta(milliseconds=1))
    parts = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def _validate(value: Any) -> timedelta:
    try:
        return parse_duration(value)
    except ValueError as error:
        raise PydanticCustomError("duration", "{text}", {"text": str(error)}) from error


Duration = Annotated[
    timedelta,
    BeforeValidator(_validate),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": PATTERN,
            "minLength": 2,
            "maxLength": _LONGEST_TEXT,
            "x-kubernetes-validations": [
                {
                    # What is no duration at all is the pattern's to refuse: a rule that fails to compute would also refuse
                    # the status of an object that was stored under an older schema.
                    "rule": f"!self.matches(r'{PATTERN}') || "
                    "(duration(self) >= duration('1s') && duration(self) <= duration('24h'))",
                    "message": "is not between 1s and 24h",
                }
            ],
        }
    ),
]
"""A bounded duration; a `timedelta` in Python, a text in YAML."""
