"""A variable with its value, and where the value is from.

A render stays valid while the values it used stay, so renders are compared by a fingerprint of those values alone: an entry
that is added to a ConfigMap and used nowhere renders nothing. The fingerprint of a Secret's value is keyed anew in each process
and says nothing outside of it.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gitops_agent.manifest.canonical import digest

NAME = re.compile(r"[^\W\d]\w*")
"""A name that can stand between the braces."""

Value = str | int | bool

_KEY = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable.

    Attributes:
        name: what stands between the braces.
        value: what replaces it.
        source: where the value is from, for people.
        literal: it is written in the spec, so a text stays a text, even one of digits.
        secret: it is from a Secret, and may appear in Secrets only.
    """

    name: str
    value: Value = field(repr=False)
    source: str
    literal: bool = False
    secret: bool = False

    @property
    def text(self) -> str:
        """The value inside of a longer text."""
        return str(self.value).lower() if isinstance(self.value, bool) else str(self.value)


def fingerprint(variables: Sequence[Variable], names: Iterable[str]) -> str:
    """Names the values that these names have; undefined is a value too."""
    by_name = {variable.name: variable for variable in variables}
    rows = sorted(set(names))
    return digest([[name, _mark(by_name[name]) if name in by_name else None] for name in rows]) if rows else ""


def uses_secrets(variables: Sequence[Variable], names: Iterable[str]) -> bool:
    """Whether one of the names has a value of a Secret."""
    used = frozenset(names)
    return any(variable.secret and variable.name in used for variable in variables)


def _mark(variable: Variable) -> list[object]:
    if variable.secret:
        return ["secret", hmac.new(_KEY, variable.text.encode(), "sha256").hexdigest()]
    return [type(variable.value).__name__, variable.literal, variable.value]
