"""Resolves unquoted YAML scalars as kubectl and Helm do.

Not as Python's YAML libraries do.

Problem: `0o10`, `08`, `1e3`, `1:30`, `y`, `=` and dates mean one thing to kubectl and another to PyYAML, and what we read must
be what the author saw kubectl read. Decision: one function with kubectl's table, tried against Helm, which reads its values
with the same library.
"""

from __future__ import annotations

import base64
import binascii
import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_FINITE = frozenset({".nan", ".NaN", ".NAN", *(s + w for s in ("", "+", "-") for w in (".inf", ".Inf", ".INF"))})
_HINTS = frozenset("0123456789+-.yYnNtTfFoO~")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DOT_FLOAT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)?")
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_EXPONENT = re.compile(r"[0-9]+[eE][0-9]+")
_EXACT = 2**63
_LONGEST = 400
"""Digits past which no number is meant; keeps the conversion linear."""


def plain(text: str) -> Scalar:
    """The value of an unquoted scalar.

    Raises:
        ValueError: it is an infinity or no number (`.inf`, `.nan`), which JSON cannot say.
    """
    if text == "":
        return None
    if text[0] not in _HINTS:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] == "." or text[1:2] == ".":
        if text in _NOT_FINITE:
            raise ValueError("infinities and NaN cannot be sent to an API server; quote the text if it is one")
        if text[0] == ".":
            return number(text.replace("_", "")) if _DOT_FLOAT.fullmatch(text) else text
    if text[0] not in "0123456789+-" or len(text) > _LONGEST:
        return text
    digits = text.replace("_", "")
    match = _INTEGER.fullmatch(digits)
    if match:
        return _integer(match)
    return number(digits) if _FLOAT.fullmatch(digits) and not math.isinf(float(digits)) else text


def number(text: str) -> int | float:
    """A decimal number as JSON reads it: exact whole numbers become integers."""
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def exponent(text: str) -> bool:
    """Whether a number looks like a shortened commit id (`12e03`)."""
    return _EXPONENT.fullmatch(text) is not None


def _integer(match: re.Match[str]) -> int | float:
    sign, hexadecimal, binary, octal, decimal = match.groups()
    if hexadecimal is not None:
        value = int(hexadecimal, 16)
    elif binary is not None:
        value = int(binary, 2)
    elif octal is not None:
        value = int(octal, 8)
    else:
        value = int(decimal)
    value = -value if sign == "-" else value
    return value if -_EXACT <= value < _EXACT else float(value)


def tagged(tag: str, text: str) -> Scalar:
    """The value of a tagged scalar (`!!str 5` is the text `5`).

    Args:
        tag: the short name: `str`, `int`, `float`, `bool`, `null`, `binary`, `timestamp`.
        text: the scalar as written.

    Raises:
        ValueError: the text is no such value, or the tag is not one of these.
    """
    if tag in ("str", "timestamp"):
        return text
    if tag == "binary":
        try:
            return base64.b64decode(text, validate=False).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise ValueError("!!binary does not hold text in base64") from None
    value = plain(text)
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}
    if tag not in kinds:
        raise ValueError(f"the tag !!{tag} means nothing in a Kubernetes object")
    if not isinstance(value, kinds[tag]) or (tag in ("int", "float") and isinstance(value, bool)):
        raise ValueError(f"the text is no !!{tag}")
    return value
