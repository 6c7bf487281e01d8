"""Values of YAML scalars as sops reads them.

The MAC is a hash over values, so a plain `017`, `1_000` or date of an encrypted file has to be read as sops reads it (as Go's
third YAML library does), not as kubectl does. What cannot be read in the same way for sure is refused.
"""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, timezone

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bin>[01]+)|0[oO]?(?P<oct>[0-7]+)|(?P<dec>0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DOT_FLOAT = re.compile(r"\.[0-9]+(?:[eE][-+]?[0-9]+)?")
_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})"
    r"(?:(?P<mark>[Tt ])(?P<time>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})(?:\.(?P<fraction>[0-9]+))?"
    r"(?P<zone>Z|[-+][0-9]{2}:[0-9]{2})?)?"
)
_EXACT = 2**63
_LONGEST = 400
_NANOSECONDS = 9


def resolved(text: str, tag: str, *, plain: bool) -> Scalar:
    """The value of a scalar.

    Args:
        text: as written, without quotes.
        tag: its short explicit tag, such as `int`; empty without one.
        plain: whether it has neither quotes nor a tag.

    Raises:
        ValueError: it cannot be read as sops would, with the reason.
    """
    if tag == "str" or (not plain and not tag):
        return text
    value = _plain(text, timestamps=plain or tag == "timestamp")
    if plain:
        return value
    fits = {"int": int, "float": int | float, "bool": bool, "null": type(None), "timestamp": str}.get(tag)
    if fits is None or not isinstance(value, fits) or (isinstance(value, bool) and tag != "bool"):
        raise ValueError(f"a value with the tag !!{tag} that is not read")
    return float(value) if tag == "float" and isinstance(value, int) else value


def _plain(text: str, *, timestamps: bool) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if text == "<<":
        raise ValueError("a merge key (<<), which sops does not write")
    if text[0] == ".":
        return _float(text) if _DOT_FLOAT.fullmatch(text) else text
    if text[0] not in "+-0123456789":
        return text
    if len(text) > _LONGEST:
        raise ValueError("a number of very many digits; put it in quotes")
    time = _time(text) if timestamps else None
    return time if time is not None else _number(text)


def _number(text: str) -> Scalar:
    digits = text.replace("_", "")
    match = _INTEGER.fullmatch(digits)
    if match is not None:
        value = next(
            int(match[name], base)
            for name, base in (("hex", 16), ("bin", 2), ("oct", 8), ("dec", 10))
            if match[name] is not None
        )
        value = -value if match["sign"] == "-" else value
        if not -_EXACT <= value < _EXACT:
            raise ValueError("a whole number of more than 64 bits; put it in quotes")
        return value
    return _float(digits) if _FLOAT.fullmatch(digits) else text


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number too large; put it in quotes")
    return value


def _time(text: str) -> str | None:
    """A date or time in its hashed form, or None."""
    match = _TIME.fullmatch(text)
    if match is None or (match["mark"] in ("T", "t") and match["zone"] is None) or (match["mark"] == " " and match["zone"]):
        return None
    fraction = (match["fraction"] or "").rstrip("0")
    zone = match["zone"] or "Z"
    try:
        year, month, day = (int(part) for part in match["date"].split("-"))
        hour, minute, second = (int(part) for part in (match["time"] or "0:0:0").split(":"))
        offset = timedelta() if zone == "Z" else timedelta(hours=int(zone[1:3]), minutes=int(zone[4:]))
        moment = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError:
        raise ValueError("a date that is none; put it in quotes") from None
    if len(match["fraction"] or "") > _NANOSECONDS:
        raise ValueError("a time of more than nanoseconds; put it in quotes")
    shown = "Z" if offset == timedelta() else zone
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + (f".{fraction}" if fraction else "") + shown
