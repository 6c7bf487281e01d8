"""Quantities and durations by value: `1000m` is `1`, `60s` is `1m`.

The API server respells quantities of its own kinds; custom resources keep the text they were sent. Whether a field holds an
amount is read from its name and those above it, because schemas are not at hand, and both sides have to parse as one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

from gitops_agent.manifest.leaves import dotted, leaves

_QUANTITY = re.compile(r"([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?[0-9]{1,3}))?")
_LONGEST = 64
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_SUFFIXES = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    **{suffix: Fraction(1000**power) for power, suffix in enumerate("kMGTPE", start=1)},
    **{f"{suffix}i": Fraction(1024**power) for power, suffix in enumerate("KMGTPE", start=1)},
}
_DECIMAL = (
    *((suffix, Fraction(1000**power)) for power, suffix in reversed(tuple(enumerate("kMGTPE", start=1)))),
    ("", Fraction(1)),
    ("m", Fraction(1, 1000)),
    ("u", Fraction(1, 10**6)),
    ("n", Fraction(1, 10**9)),
)
_UNITS = {
    "ns": Fraction(1, 10**9),
    "us": Fraction(1, 10**6),
    "µs": Fraction(1, 10**6),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "m": Fraction(60),
    "h": Fraction(3600),
}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|µs|ms|s|m|h)")
_DURATION = re.compile(rf"(?:{_PART.pattern})+")

_HOLDERS = frozenset({"requests", "limits", "capacity", "allocatable", "hard", "used", "overhead", "podFixed"})
_RANGES = frozenset({"min", "max", "default", "defaultRequest"})
_QUANTITIES = frozenset({"sizeLimit", "averageValue", "divisor"})
_DURATIONS = re.compile(r"interval|timeout|duration|delay|period|renewBefore|[a-z]+(?:Interval|Timeout|Duration|Delay|Period)")


def quantity(value: Any) -> Fraction | None:
    """The number of a Kubernetes quantity; None when it is none."""
    text = str(value) if isinstance(value, str | int | float) else ""
    match = _QUANTITY.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    number, suffix, exponent = match.groups()
    return Fraction(number) * _SUFFIXES.get(suffix, Fraction(1)) * Fraction(10) ** int(exponent or 0)


def spelled(value: Any) -> Any:
    """A quantity in one spelling; any other value unchanged.

    That is the one of the API server, but for multiples of 1024 without a binary suffix.
    """
    amount = quantity(value)
    if amount is None:
        return value
    if not amount:
        return "0"
    if amount.denominator == 1:
        number, power = amount.numerator, 0
        while number and number % 1024 == 0 and power < len(_BINARY) - 1:
            number, power = number // 1024, power + 1
        if power:
            return f"{number}{_BINARY[power]}"
    for suffix, unit in _DECIMAL:
        if (amount / unit).denominator == 1:
            return f"{amount / unit}{suffix}"
    # Finer than the finest unit: the API server rounds away from zero.
    nano = amount * 10**9
    return f"{math.copysign(math.ceil(abs(nano)), nano):.0f}n"


def spelled_within(value: Any, steps: tuple[str, ...] = ()) -> Any:
    """A copy of a pod template, with every quantity in one spelling."""
    if isinstance(value, dict):
        return {name: spelled_within(part, (*steps, str(name))) for name, part in value.items()}
    if isinstance(value, list):
        return [spelled_within(part, steps) for part in value]
    return spelled(value) if steps and _holds_quantity(steps) else value


def seconds(value: Any) -> Fraction | None:
    """The seconds of a Go duration, such as `1h30m`, or None."""
    if not isinstance(value, str) or len(value) > _LONGEST or not _DURATION.fullmatch(value):
        return None
    return sum((Fraction(number) * _UNITS[unit] for number, unit in _PART.findall(value)), Fraction(0))


def same_amount(steps: Sequence[str], old: Any, new: Any) -> bool:
    """Whether two values are the same quantity or duration.

    Args:
        steps: the path of the field in its object, outermost first.
        old: the value before.
        new: the value after.
    """
    if not steps:
        return False
    name = steps[-1]
    if _holds_quantity(steps):
        return (amount := quantity(old)) is not None and amount == quantity(new)
    return bool(_DURATIONS.fullmatch(name)) and (length := seconds(old)) is not None and length == seconds(new)


def malformed(obj: Any) -> Iterator[tuple[str, Any]]:
    """The fields that should hold quantities and do not, with values."""
    for steps, value in leaves(obj):
        if steps and _holds_quantity(steps) and quantity(value) is None:
            yield dotted(steps), value


def _holds_quantity(steps: Sequence[str]) -> bool:
    name, above = steps[-1], steps[-2] if len(steps) > 1 else ""
    return name in _QUANTITIES or above in _HOLDERS or (above in _RANGES and "limits" in steps)
