"""The tree of a condition.

A condition is one line such as `result < 0.01` or `len(result) > 0 and result[0] <= 1.5`. The grammar has comparisons, the four
arithmetic operations and remainder, `and`/`or`/`not` (also `&&`/`||`/`!`), `x[0]`, `x["key"]`, `x.key` and calls of a few known
functions. There are no loops, no assignments and no attributes of Python objects, so a condition takes a number of steps that
is bounded by its length. Names, functions and the number of their arguments are checked here, long before anything is measured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from gitops_agent.rollout.analysis.expression.lexer import ConditionInvalid, Token, TokenKind, tokens

DEPTH_LIMIT = 20
"""How deep parentheses, signs and indices may nest."""

NAMES = frozenset({"result"})
FUNCTIONS: dict[str, int] = {
    "len": 1,
    "isNaN": 1,
    "isNil": 1,
    "isInf": 1,
    "default": 2,
    "abs": 1,
    "min": 1,
    "max": 1,
    "sum": 1,
    "avg": 1,
}
"""The functions and how many arguments they take."""

_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "nil": None, "null": None}
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: float | str | bool | None


@dataclass(frozen=True, slots=True)
class Name:
    """What was measured."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary:
    """`not x` or `-x`."""

    sign: str
    of: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Two values and what stands between them."""

    sign: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Index:
    """`of[at]` or `of.at`."""

    of: Node
    at: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function of the table."""

    function: str
    arguments: tuple[Node, ...]


Node: TypeAlias = Literal | Name | Unary | Binary | Index | Call


def parse(condition: str) -> Node:
    """The tree of a condition.

    Raises:
        ConditionInvalid: it cannot be read; the message names the place.
    """
    reader = _Reader(condition)
    node = reader.either()
    reader.end()
    return node


class _Reader:
    """Reads by descending: one method a level of precedence, the weakest first."""

    def __init__(self, condition: str) -> None:
        self._condition = condition
        self._tokens = tokens(condition)
        self._at = 0
        self._depth = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _refuse(self, words: str) -> ConditionInvalid:
        return ConditionInvalid(f"the condition {self._condition!r}: {words} at character {self._next.place + 1}")

    def _take(self, *signs: str) -> str:
        token = self._next
        if token.sort is TokenKind.SIGN and token.value in signs:
            self._at += 1
            return token.value
        return ""

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise self._refuse(f"`{sign}` is missing before {self._next}")

    def end(self) -> None:
        if self._next.sort is not TokenKind.END:
            raise self._refuse(f"{self._next} is not expected")

    def either(self) -> Node:
        node = self._both()
        while self._take("or"):
            node = Binary("or", node, self._both())
        return node

    def _both(self) -> Node:
        node = self._negation()
        while self._take("and"):
            node = Binary("and", node, self._negation())
        return node

    def _negation(self) -> Node:
        if self._take("not"):
            self._deeper()
            node = Unary("not", self._negation())
            self._depth -= 1
            return node
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._sum()
        sign = self._take(*_COMPARISONS)
        if not sign:
            return left
        node = Binary(sign, left, self._sum())
        if self._next.sort is TokenKind.SIGN and self._next.value in _COMPARISONS:
            raise self._refuse("comparisons are not chained, join two with `and`")
        return node

    def _sum(self) -> Node:
        node = self._product()
        while sign := self._take("+", "-"):
            node = Binary(sign, node, self._product())
        return node

    def _product(self) -> Node:
        node = self._signed()
        while sign := self._take("*", "/", "%"):
            node = Binary(sign, node, self._signed())
        return node

    def _signed(self) -> Node:
        if self._take("-"):
            self._deeper()
            node = Unary("-", self._signed())
            self._depth -= 1
            return node
        return self._indexed()

    def _indexed(self) -> Node:
        node = self._atom()
        while sign := self._take("[", "."):
            if sign == "[":
                node = Index(node, self._nested())
                self._expect("]")
            elif self._next.sort is TokenKind.NAME:
                node = Index(node, Literal(self._next.value))
                self._at += 1
            else:
                raise self._refuse(f"a name is expected instead of {self._next}")
        return node

    def _atom(self) -> Node:
        token = self._next
        if self._take("("):
            node = self._nested()
            self._expect(")")
            return node
        if token.sort in {TokenKind.SIGN, TokenKind.END}:
            raise self._refuse(f"a value is expected instead of {token}")
        self._at += 1
        if token.sort is TokenKind.NUMBER:
            return Literal(float(token.value))
        if token.sort is TokenKind.TEXT:
            return Literal(token.value)
        if token.value in _LITERALS:
            return Literal(_LITERALS[token.value])
        if self._take("("):
            return self._call(token)
        if token.value not in NAMES:
            self._at -= 1
            raise self._refuse(f"unknown name {token}, only `result` is known")
        return Name(token.value)

    def _call(self, name: Token) -> Node:
        arity = FUNCTIONS.get(name.value)
        if arity is None:
            raise self._refuse(f"unknown function {name}, there are {', '.join(FUNCTIONS)}")
        arguments: list[Node] = []
        while not self._take(")"):
            if arguments:
                self._expect(",")
            arguments.append(self._nested())
        if len(arguments) != arity:
            raise self._refuse(f"{name} takes {arity} arguments instead of {len(arguments)}")
        return Call(name.value, tuple(arguments))

    def _nested(self) -> Node:
        self._deeper()
        node = self.either()
        self._depth -= 1
        return node

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEPTH_LIMIT:
            raise self._refuse("nested too deep")
