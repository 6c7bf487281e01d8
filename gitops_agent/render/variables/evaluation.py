"""Values of expressions.

An expression that is a variable and nothing more has the variable's own value with its type; what an operator made is text.
Every name that was looked up is remembered, so that the render knows what it depends on, and so are those without a value.
Texts are counted before they are made: ten characters of Git must not become gigabytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gitops_agent.render.variables.expression import (
    CASES,
    DEFAULTS,
    LENGTH,
    PART,
    TRIMS,
    Call,
    ExpressionError,
    Malformed,
    Template,
)
from gitops_agent.render.variables.pattern import Pattern, PatternError
from gitops_agent.render.variables.variable import Value, Variable

LARGEST = 4 * 1024 * 1024
"""Characters of one value."""

_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
_OFFSET = re.compile(r"-?[0-9]{1,9}")
_Change = Callable[[str], str]
_BOOLEANS = {"true": True, "false": False}


@dataclass(slots=True, kw_only=True)
class Evaluated:
    """What became of one value.

    Attributes:
        value: the value; a text unless it is one typed variable.
        literal: a text that stays one.
        missing: names without a value.
        secrets: variables from Secrets that took part.
        problems: of expressions, as (expression, problem).
    """

    value: Value = ""
    literal: bool = False
    missing: list[str] = field(default_factory=list)
    secrets: list[Variable] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)


class Evaluator:
    """Evaluates expressions over variables.

    Args:
        variables: by name.
        empty: what has no value is an empty text.
        flux: count bytes, and remove at least one character, as Flux does.

    Attributes:
        used: the names that were looked up.
    """

    def __init__(self, variables: Mapping[str, Variable], *, empty: bool = False, flux: bool = False) -> None:
        self._variables, self._empty, self._flux = variables, empty, flux
        self.used: set[str] = set()

    def evaluate(self, parts: Sequence[str | Call | Malformed]) -> Evaluated:
        """The value that texts and expressions come to together."""
        result = Evaluated()
        if len(parts) == 1 and isinstance(parts[0], Call):
            self._guarded(parts[0], result)
            return result
        texts: list[str] = []
        size = 0
        for part in parts:
            if isinstance(part, Malformed):
                result.problems.append((part.source, part.problem))
                continue
            text = part if isinstance(part, str) else _text(self._guarded(part, result))
            size += len(text)
            if size > LARGEST:
                result.problems.append((_text(part.source if isinstance(part, Call) else ""), _too_large()))
                break
            texts.append(text)
        result.value, result.literal = "".join(texts), True
        return result

    def _guarded(self, call: Call, result: Evaluated) -> Value:
        """The value of an expression; problems are put into the result."""
        try:
            result.value, result.literal = self._call(call, result)
        except ExpressionError as error:
            result.value, result.literal = "", True
            result.problems.append((call.source, str(error)))
        return result.value

    def _call(self, call: Call, result: Evaluated) -> tuple[Value, bool]:
        """Value of an expression, and whether its text stays one."""
        self.used.add(call.name)
        variable = self._variables.get(call.name)
        if variable is not None and variable.secret:
            result.secrets.append(variable)
        if call.operator in DEFAULTS:
            only_undefined = call.operator in ("-", "=") and not self._flux
            if variable is not None and (only_undefined or variable.text):
                return variable.value, variable.literal
            return self._template(call.arguments[0], result)
        if variable is None:
            if not self._empty:
                result.missing.append(call.name)
            return ("0" if call.operator == LENGTH and self._empty else ""), False
        if not call.operator:
            return variable.value, variable.literal
        return self._operation(call, variable.text, result), False

    def _template(self, template: Template, result: Evaluated) -> tuple[Value, bool]:
        if len(template) == 1 and isinstance(template[0], Call):
            return self._call(template[0], result)
        return self._text(template, result), False

    def _text(self, template: Template, result: Evaluated) -> str:
        return _joined(part if isinstance(part, str) else _text(self._call(part, result)[0]) for part in template)

    def _operation(self, call: Call, text: str, result: Evaluated) -> str:
        operator = call.operator
        if operator == LENGTH:
            return str(len(text.encode()) if self._flux else len(text))
        if operator in CASES:
            change = str.upper if operator[0] == "^" else str.lower
            return _first(text, change) if len(operator) == 1 else "".join(_changed(character, change) for character in text)
        arguments = [self._text(argument, result) for argument in call.arguments]
        if operator == PART:
            return self._part(text, arguments)
        if operator in TRIMS:
            return self._trimmed(operator, text, arguments[0])
        return self._replaced(operator, text, *arguments)

    def _part(self, text: str, arguments: Sequence[str]) -> str:
        """Characters from an offset on; a negative one counts from the end."""
        numbers = [int(argument) for argument in arguments if _OFFSET.fullmatch(argument.lstrip("" if self._flux else " "))]
        if len(numbers) < len(arguments):
            raise ExpressionError("has an offset or length that is no number (a default is written `:-`)")
        if len(numbers) > 1 and numbers[1] < 0:
            raise ExpressionError("has a negative length")
        data: Sequence[int] | str = text.encode() if self._flux else text
        start = max(0, len(data) + numbers[0]) if numbers[0] < 0 else numbers[0]
        part = data[start : start + numbers[1]] if len(numbers) > 1 else data[start:]
        try:
            return part if isinstance(part, str) else bytes(part).decode()
        except UnicodeDecodeError:
            raise ExpressionError("cuts a character, because Flux counts bytes") from None

    def _trimmed(self, operator: str, text: str, pattern: str) -> str:
        if self._flux:
            _check_portable(operator, text, pattern)
        try:
            compiled = Pattern(pattern)
        except PatternError as error:
            raise ExpressionError(f"has a pattern that {error}") from None
        match = compiled.prefix if operator[0] == "#" else compiled.suffix
        length = match(text, longest=len(operator) > 1, least=int(self._flux)) or 0
        return text[length:] if operator[0] == "#" else text[: len(text) - length]

    def _replaced(self, operator: str, text: str, old: str, new: str) -> str:
        if self._flux and not new and operator in ("/#", "/%"):
            return text
        if operator == "/#":
            return new + text.removeprefix(old) if text.startswith(old) else text
        if operator == "/%":
            return text.removesuffix(old) + new if text.endswith(old) else text
        count = text.count(old) if operator == "//" else 1
        if len(text) + count * len(new) > LARGEST:
            raise ExpressionError(_too_large())
        return text.replace(old, new, count)


def inferred(text: str) -> Value:
    """What a text is in a field that may hold anything.

    Only what reads the same both ways: 010, 1.20 and yes stay text.
    """
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text


def _text(value: Value) -> str:
    return value if isinstance(value, str) else str(value).lower()


def _joined(texts: Iterable[str]) -> str:
    """The texts as one.

    Raises:
        ExpressionError: it would be too large.
    """
    parts: list[str] = []
    size = 0
    for text in texts:
        size += len(text)
        if size > LARGEST:
            raise ExpressionError(_too_large())
        parts.append(text)
    return "".join(parts)


def _too_large() -> str:
    return f"makes a text of more than {LARGEST} characters"


def _check_portable(operator: str, text: str, pattern: str) -> None:
    """Refuses patterns that Flux reads in another way than is documented.

    Raises:
        ExpressionError: it is such a pattern.
    """
    if operator[0] == "%" and any(sign in pattern for sign in "[]\\"):
        raise ExpressionError("removes a set from the end, which Flux reads backwards: write it without brackets")
    if not text.isascii() and any(sign in pattern for sign in "*?["):
        raise ExpressionError("may cut a character, because Flux counts bytes")


def _first(text: str, change: _Change) -> str:
    return _changed(text[0], change) + text[1:] if text else text


def _changed(character: str, change: _Change) -> str:
    """Another case of a character, where that is one character."""
    changed = change(character)
    return changed if len(changed) == 1 else character
