"""Evaluates conditions such as `result < 0.01` by walking the tree.

Numbers are floats, booleans are no numbers, and nothing is converted silently. What is missing is never smaller or larger than
anything: where other languages let a comparison with NaN be false, so that `failure: result > 0.01` passes a metric that
measured nothing, here it is `NoData`, and the metric's own `noData` says what that means. `default(x, y)` and `isNaN(x)` are
for conditions that want to handle a gap themselves.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gitops_agent.errors import AgentError
from gitops_agent.rollout.analysis.expression.parser import Binary, Call, Index, Literal, Name, Node, Unary, parse


class ConditionFailed(AgentError):
    """A condition that does not fit the result, e.g. text."""

    reason = "MeasurementFailed"


class NoData(ConditionFailed):
    """The part of the result a condition reads is absent or NaN."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that can be read; `text` is how it was written."""

    text: str
    node: Node

    @classmethod
    def of(cls, text: str) -> Condition:
        """The condition written as `text`.

        Raises:
            ConditionInvalid: it cannot be read.
        """
        return cls(text, parse(text))

    def holds(self, result: Any) -> bool:
        """Whether the condition is true of a measured JSON value.

        Raises:
            NoData: what it asks for is missing.
            ConditionFailed: it does not fit the value, or is neither true nor false.
        """
        return _truth(_value(self.node, result))


def _value(node: Node, result: Any) -> Any:
    match node:
        case Literal():
            return node.value
        case Name():
            return _plain(result)
        case Unary(sign="not"):
            return not _truth(_value(node.of, result))
        case Unary():
            return -_number(_value(node.of, result))
        case Binary():
            return _binary(node, result)
        case Index():
            return _at(_value(node.of, result), _value(node.at, result))
        case Call():
            return _call(node, result)


def _binary(node: Binary, result: Any) -> Any:
    left = _value(node.left, result)
    if node.sign == "and":
        return _truth(left) and _truth(_value(node.right, result))
    if node.sign == "or":
        return _truth(left) or _truth(_value(node.right, result))
    right = _value(node.right, result)
    if node.sign in _ARITHMETIC:
        return _calculate(node.sign, _number(left), _number(right))
    return _compare(node.sign, left, right)


def _compare(sign: str, left: Any, right: Any) -> bool:
    if _missing(left) or _missing(right):
        if sign in _EQUALITY and not _nan(left) and not _nan(right):
            return bool(_EQUALITY[sign](left, right))
        raise NoData("there is nothing to compare: a value is missing or not a number")
    alike = type(left) is type(right)
    if sign in _EQUALITY:
        if not alike:
            raise ConditionFailed(f"{_sort(left)} and {_sort(right)} cannot be compared")
        return bool(_EQUALITY[sign](left, right))
    if not alike or not isinstance(left, float | str):
        raise ConditionFailed(f"{_sort(left)} and {_sort(right)} have no order")
    return bool(_ORDER[sign](left, right))


def _calculate(sign: str, left: float, right: float) -> float:
    try:
        return float(_ARITHMETIC[sign](left, right))
    except ZeroDivisionError:
        raise ConditionFailed("a division by zero") from None
    except (ValueError, OverflowError):
        raise ConditionFailed("a calculation leaves the range of numbers") from None


def _at(value: Any, key: Any) -> Any:
    if value is None:
        raise NoData("there is nothing to take a part of")
    if isinstance(value, list):
        if not isinstance(key, float) or not key.is_integer():
            raise ConditionFailed("a list is indexed by a whole number")
        if not -len(value) <= key < len(value):
            raise NoData(f"the result has {len(value)} entries, number {key:.0f} is asked for")
        return _plain(value[int(key)])
    if isinstance(value, dict):
        if not isinstance(key, str):
            raise ConditionFailed("a map is indexed by text")
        if key not in value:
            raise NoData(f"the result has no {key!r}")
        return _plain(value[key])
    raise ConditionFailed(f"{_sort(value)} has no parts")


def _call(node: Call, result: Any) -> Any:
    if node.function == "default":
        try:
            value = _value(node.arguments[0], result)
        except NoData:
            value = None
        return _value(node.arguments[1], result) if _missing(value) else value
    return _CALLS[node.function](_value(node.arguments[0], result))


def _length(value: Any) -> float:
    if not isinstance(value, list | dict | str):
        raise ConditionFailed(f"{_sort(value)} has no length")
    return float(len(value))


def _over(function: Callable[[list[float]], float]) -> Callable[[Any], float]:
    def reduced(value: Any) -> float:
        if not isinstance(value, list):
            raise ConditionFailed(f"a list is needed, not {_sort(value)}")
        numbers = [_number(_plain(item)) for item in value]
        if not numbers:
            raise NoData("the result is empty")
        if any(map(math.isnan, numbers)):
            raise NoData("the result holds something that is not a number")
        return function(numbers)

    return reduced


def _plain(value: Any) -> Any:
    """A JSON value with all numbers as floats."""
    if isinstance(value, int) and not isinstance(value, bool):
        try:
            return float(value)
        except OverflowError:
            raise ConditionFailed("a number is too large") from None
    return value


def _number(value: Any) -> float:
    if value is None:
        raise NoData("a number is missing")
    if not isinstance(value, float):
        raise ConditionFailed(f"a number is needed, not {_sort(value)}")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ConditionFailed(f"true or false is needed, not {_sort(value)}")
    return value


def _nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _missing(value: Any) -> bool:
    return value is None or _nan(value)


def _sort(value: Any) -> str:
    if value is None:
        return "nothing"
    sorts = {bool: "true or false", float: "a number", str: "text", list: "a list", dict: "a map"}
    return sorts.get(type(value), "something else")


_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": math.fmod,
}
_EQUALITY: dict[str, Callable[[Any, Any], Any]] = {"==": operator.eq, "!=": operator.ne}
_ORDER: dict[str, Callable[[Any, Any], Any]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_CALLS: dict[str, Callable[[Any], Any]] = {
    "len": _length,
    "isNaN": _nan,
    "isNil": lambda value: value is None,
    "isInf": lambda value: math.isinf(_number(value)),
    "abs": lambda value: abs(_number(value)),
    "min": _over(min),
    "max": _over(max),
    "sum": _over(sum),
    "avg": _over(lambda numbers: sum(numbers) / len(numbers)),
}
