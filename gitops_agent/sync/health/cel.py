"""The one door to CEL, the Common Expression Language of Kubernetes.

Problem: an expression of the administrator reads objects that tenants write, inside a worker that must not stall. Decision:
the library is an extra and loaded with the first expression; types are checked when an expression is compiled, so a misspelt
variable or a text for a verdict never reaches a worker; and an evaluation is bounded twice: the library ends it after 10,000
iterations of all its macros together, and objects beyond `VALUES` or `CHARACTERS` are not evaluated, because comparing two
lists takes no iteration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

TEXTS = ("apiVersion", "kind")
MAPS = ("metadata", "spec", "status", "data", "self")
VALUES = 5_000
"""Maps, lists and scalars of an object that is evaluated."""
CHARACTERS = 256 * 1024
"""Characters of all its names and texts."""

_EXTRA = "needs the package cel-expr-python: install gitops-agent[cel]"
_POSITION = re.compile(r"ERROR: <input>:(\d+):(\d+): ([^\n]*)")
_CODE = re.compile(r"^[A-Z_]+: ")
_FAILURES = (RuntimeError, TypeError, ValueError)


class CelError(Exception):
    """An expression that cannot be compiled or evaluated; its text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """A compiled expression that answers yes or no.

    Attributes:
        source: the expression.
        program: what the library made of it; may be evaluated by several threads at a time.
    """

    source: str
    program: Any = field(repr=False, compare=False)

    def holds(self, variables: Mapping[str, Any]) -> bool:
        """The answer for an object, given by `variables`.

        Raises:
            CelError: it reads a field that is absent, compares types that do not compare, exceeds its budget, or answers
                something else than yes or no.
        """
        try:
            value = self.program.eval(data=variables)
            kind, answer = value.type().name(), value.value()
        except _FAILURES as error:
            raise CelError(_plain(error)) from error
        if isinstance(answer, bool):
            return answer
        raise CelError(_plain(answer) if kind == "ERROR" else _not_bool(kind))


def compiled(source: str) -> Predicate:
    """Compiles an expression and checks its types.

    Raises:
        CelError: with line and column where the expression is wrong; or the extra `cel` is not installed.
    """
    environment = _environment()
    try:
        program = environment.compile(source)
        kind = program.return_type().name()
    except _FAILURES as error:
        raise CelError(_located(str(error))) from error
    if kind not in ("BOOL", "DYN"):
        raise CelError(_not_bool(kind))
    return Predicate(source=source, program=program)


def variables_of(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of an expression; a field the object lacks is empty.

    Raises:
        CelError: the object is too large to be evaluated.
    """
    metadata = obj.get("metadata")
    if isinstance(metadata, dict):
        obj = {**obj, "metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}
    _measure(obj)
    variables: dict[str, Any] = {name: value if isinstance(value := obj.get(name), str) else "" for name in TEXTS}
    variables |= {name: value if isinstance(value := obj.get(name), dict) else {} for name in MAPS}
    return variables | {"self": obj}


@lru_cache(maxsize=1)
def _environment() -> Any:
    try:
        from cel_expr_python import cel
        from cel_expr_python.ext.ext_optional import ExtOptional
    except ImportError as error:
        raise CelError(_EXTRA) from error
    fields = cel.Type.Map(cel.Type.STRING, cel.Type.DYN)
    variables = dict.fromkeys(TEXTS, cel.Type.STRING) | dict.fromkeys(MAPS, fields)
    return cel.NewEnv(variables=variables, extensions=[ExtOptional()])


def _measure(obj: Mapping[str, Any]) -> None:
    values, characters, rest = 0, 0, [obj]
    while rest:
        value: Any = rest.pop()
        values += 1
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, dict):
            characters += sum(map(len, value))
            rest.extend(value.values())
        elif isinstance(value, list):
            rest.extend(value)
        if values + len(rest) > VALUES or characters > CHARACTERS:
            raise CelError(f"the object has more than {VALUES:,} values or {CHARACTERS // 1024} KiB of text")


def _not_bool(kind: str) -> str:
    return f"yields {kind.partition('<')[0].lower()} instead of bool"


def _plain(error: object) -> str:
    reason = _CODE.sub("", str(error).partition("\n")[0]).strip()
    return f"{reason[:1].lower()}{reason[1:]}".replace(" : ", ": ")


def _located(message: str) -> str:
    """The first error with its line and column; columns count from 1."""
    match = _POSITION.search(message)
    if match is None:
        return _plain(message)
    line, column, reason = match.groups()
    reason = reason.replace(" (in container '')", "")
    return f"line {line}, column {column}: {reason[:1].lower()}{reason[1:]}"
