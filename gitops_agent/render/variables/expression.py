"""Parses `${NAME}` and its operators: the expressions that Flux replaces.

An expression is written by an author of manifests, so an error says what is wrong with it. It nests a few levels and is a few
thousand characters long at most, and parsing reads every character once.

Operators: `:-` and `:=` (a default for what is undefined or empty), `-` and `=` (for what is undefined), `^ ^^ , ,,` (case),
`:n :n:m` (a part), `# ## % %%` (without a beginning or end), `/ // /# /%` (with another text), and `${#NAME}` (the length).
`$${` stands for `${`; a dollar before anything else is a dollar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEPTH = 8
LONGEST = 4096
"""Characters of one expression."""

_NAME = re.compile(r"\w{1,256}")
_DOLLARS = re.compile(r"\$++")
_OPERATORS = (
    "//",
    "/#",
    "/%",
    "##",
    "%%",
    "^^",
    ",,",
    ":-",
    ":=",
    ":?",
    ":+",
    "/",
    "#",
    "%",
    "^",
    ",",
    ":",
    "-",
    "=",
    "?",
    "+",
)
"""Longer ones first."""

DEFAULTS = frozenset({":-", ":=", "-", "="})
CASES = frozenset({"^", "^^", ",", ",,"})
TRIMS = frozenset({"#", "##", "%", "%%"})
REPLACEMENTS = frozenset({"/", "//", "/#", "/%"})
LENGTH = "#NAME"
PART = ":"


class ExpressionError(ValueError):
    """A text is no expression; the message completes "the expression …"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One expression.

    Attributes:
        name: of the variable.
        operator: what is done with its value; empty for the value itself.
        arguments: of the operator.
        source: the expression as written.
    """

    name: str
    operator: str = ""
    arguments: tuple[Template, ...] = ()
    source: str = ""


Template = tuple[str | Call, ...]
"""Texts and expressions in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Malformed:
    """What begins as an expression and is none.

    Attributes:
        source: as far as it was read.
        problem: completes "the expression …".
    """

    source: str
    problem: str


def parse(text: str, *, flux: bool = False) -> tuple[str | Call | Malformed, ...]:
    """The texts and expressions of a value.

    What is malformed goes on as text after it.

    Args:
        text: any.
        flux: two dollars are one everywhere, not only before a brace.
    """
    parts: list[str | Call | Malformed] = []
    position = 0
    for dollars in _DOLLARS.finditer(text):
        if dollars.start() < position:
            continue  # inside of an expression
        count, end = dollars.end() - dollars.start(), dollars.end()
        opens = text.startswith("{", end)
        if not opens and not flux:
            continue
        odd = count % 2
        parts.append(text[position : dollars.start()] + "$" * (count // 2 + (0 if opens else odd)))
        position = end
        if opens and odd:
            reader = _Reader(text, end - 1, flux=flux)
            try:
                parts.append(reader.call(1))
                position = reader.position
            except ExpressionError as error:
                parts += [Malformed(source=_shown(text, end - 1), problem=str(error)), "${"]
                position = end + 1
    parts.append(text[position:])
    return tuple(part for part in parts if part != "")


class _Reader:
    """Reads one expression from its dollar on."""

    def __init__(self, text: str, position: int, *, flux: bool) -> None:
        self._text, self.position = text, position
        self._escaped = ("\\/", "\\\\", "$$") if flux else ("\\/", "\\\\")
        self._flux = flux
        self._limit = min(len(text), position + LONGEST)

    def call(self, depth: int) -> Call:
        """The expression at the position."""
        if depth > DEPTH:
            raise ExpressionError(f"nests more than {DEPTH} levels")
        start = self.position
        self.position += 2
        length = self._next("#")
        name = _NAME.match(self._text, self.position, self._limit)
        if name is None:
            raise ExpressionError(f"has no name of a variable after `${{{'#' if length else ''}`")
        self.position = name.end()
        operator, arguments = (LENGTH, ()) if length else self._operation(depth)
        self._expect("}")
        return Call(name=name[0], operator=operator, arguments=arguments, source=self._text[start : self.position])

    def _operation(self, depth: int) -> tuple[str, tuple[Template, ...]]:
        if self._text.startswith("}", self.position):
            return "", ()
        operator = next((candidate for candidate in _OPERATORS if self._next(candidate)), "")
        if operator in DEFAULTS or operator in TRIMS:
            return operator, (self._template(depth, "}"),)
        if operator in CASES:
            return operator, ()
        if operator in REPLACEMENTS:
            pattern = self._template(depth, "/}", escapes=True)
            self._expect("/")
            while self._flux and self._next("/"):
                pass  # Flux takes several for one
            return operator, (pattern, self._template(depth, "}", escapes=True))
        if operator == PART:
            offset = self._template(depth, ":}")
            return operator, (offset, self._template(depth, "}")) if self._next(":") else (offset,)
        if operator:
            raise ExpressionError(f"uses `{operator}`, which is no operator here")
        self._expect("}")
        return "", ()

    def _template(self, depth: int, ends: str, *, escapes: bool = False) -> Template:
        """Text and expressions up to one of some characters."""
        parts: list[str | Call] = []
        text: list[str] = []
        while self.position < self._limit and self._text[self.position] not in ends:
            if self._text.startswith("${", self.position):
                parts += ["".join(text), self.call(depth + 1)]
                text = []
                continue
            if escapes and self._text.startswith(self._escaped, self.position):
                self.position += 1
            text.append(self._text[self.position])
            self.position += 1
        parts.append("".join(text))
        return tuple(part for part in parts if part != "")

    def _next(self, sign: str) -> bool:
        """Goes over a sign, if it is the next one."""
        if not self._text.startswith(sign, self.position, self._limit):
            return False
        self.position += len(sign)
        return True

    def _expect(self, sign: str) -> None:
        if self._next(sign):
            return
        if self.position >= self._limit:
            long = self._limit < len(self._text)
            raise ExpressionError(f"has more than {LONGEST} characters" if long else "has no closing brace")
        if sign == "/":
            raise ExpressionError("replaces a text, but has no second slash before its new text")
        character = self._text[self.position]
        raise ExpressionError(f"holds {character!r} where its closing brace or an operator should be")


def _shown(text: str, start: int) -> str:
    """The beginning of what is no expression."""
    head = text[start : start + 60]
    for end in ("}", "\n"):
        if end in head:
            return head[: head.index(end) + (end == "}")]
    return head
