"""Durations as Go and Kubernetes spell them: `30s`, `5m`, `1h30m`, `1.5h`, `500ms`.

A duration of the API lies between one second and 24 hours: below, a poll is a denial of service; above, it is most likely a
slip of the unit. Only a window of time may be longer, because a freeze lasts days. A bad one is a problem of the one object
that holds it and of nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

from gitops_agent.manifest.quantities import seconds

LOWEST = timedelta(seconds=1)
HIGHEST = timedelta(hours=24)
LONGEST_WINDOW = timedelta(days=366)
"""Cron schedules repeat at least every year, but for 29 February."""

_LONGEST_TEXT = 32
PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"


def parse_duration(text: Any, *, lowest: timedelta = LOWEST, highest: timedelta = HIGHEST) -> timedelta:
    """The duration a text spells, to the microsecond.

    Raises:
        ValueError: it is no text of this form, or not between the bounds.
    """
    if isinstance(text, timedelta):
        value = text
    else:
        spelled = isinstance(text, str) and len(text) <= _LONGEST_TEXT and re.fullmatch(PATTERN, text)
        length = seconds(text) if spelled else None
        if length is None:
            raise ValueError("is not a duration such as 30s, 5m or 1h30m")
        # The bound comes before the conversion: a timedelta overflows where a fraction does not.
        if length > highest.total_seconds():
            raise ValueError(f"is longer than {format_duration(highest)}")
        value = timedelta(microseconds=round(length * 1_000_000))
    if not lowest <= value <= highest:
        raise ValueError(f"is not between {format_duration(lowest)} and {format_duration(highest)}")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bounds:
    """Bounds of a duration, for pydantic and the API server."""

    lowest: timedelta
    highest: timedelta

    def validate(self, value: Any) -> timedelta:
        try:
            return parse_duration(value, lowest=self.lowest, highest=self.highest)
        except ValueError as error:
            raise PydanticCustomError("duration", "{text}", {"text": str(error)}) from error

    def schema(self) -> dict[str, Any]:
        lowest, highest = format_duration(self.lowest), format_duration(self.highest)
        # What is no duration at all is the pattern's to refuse: a rule that fails to compute would also refuse the status of
        # an object that was stored under an older schema.
        bounds = f"duration(self) >= duration('{lowest}') && duration(self) <= duration('{highest}')"
        return {
            "type": "string",
            "pattern": PATTERN,
            "minLength": 2,
            "maxLength": _LONGEST_TEXT,
            "x-kubernetes-validations": [
                {"rule": f"!self.matches(r'{PATTERN}') || ({bounds})", "message": f"is not between {lowest} and {highest}"}
            ],
        }


_USUAL = _Bounds(lowest=LOWEST, highest=HIGHEST)
_WINDOW = _Bounds(lowest=timedelta(minutes=1), highest=LONGEST_WINDOW)
_TEXT = PlainSerializer(format_duration, return_type=str)

Duration = Annotated[timedelta, BeforeValidator(_USUAL.validate), _TEXT, WithJsonSchema(_USUAL.schema())]
"""A bounded duration; a `timedelta` in Python, a text in YAML."""

WindowDuration = Annotated[timedelta, BeforeValidator(_WINDOW.validate), _TEXT, WithJsonSchema(_WINDOW.schema())]
"""How long a window of time stays open: a minute to a year."""
