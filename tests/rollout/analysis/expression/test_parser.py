from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import AgentError
from gitops_agent.rollout.analysis.expression.evaluator import Condition
from gitops_agent.rollout.analysis.expression.lexer import ConditionInvalid
from gitops_agent.rollout.analysis.expression.parser import Binary, Literal, Name, parse


def test_precedence_binds_products_before_sums() -> None:
    assert parse("1 + 2 * result") == Binary("+", Literal(1.0), Binary("*", Literal(2.0), Name("result")))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("", "a value is expected instead of the end at character 1"),
        ("result <", "a value is expected instead of the end at character 9"),
        ("result < 1 1", "`1` is not expected at character 12"),
        ("0 < result < 1", "comparisons are not chained"),
        ("reslt < 1", "unknown name `reslt`"),
        ("__import__('os')", "unknown function `__import__`"),
        ("len(result", "`,` is missing before the end"),
        ("len()", "`len` takes 1 arguments instead of 0"),
        ("default(result)", "`default` takes 2 arguments instead of 1"),
        ("(result < 1", "`)` is missing before the end"),
        ("result[0 < 1", "`]` is missing before the end"),
        ("result. < 1", "a name is expected"),
    ],
)
def test_the_message_names_the_place(condition: str, words: str) -> None:
    with pytest.raises(ConditionInvalid) as caught:
        parse(condition)

    assert words in caught.value.message


def test_nesting_has_an_end() -> None:
    parse("(" * 15 + "true" + ")" * 15)
    for deep in ("(" * 50 + "true" + ")" * 50, "not " * 50 + "true", "-" * 50 + "1 < 2", "result" + "[result" * 50 + "]" * 50):
        with pytest.raises(ConditionInvalid, match="nested too deep"):
            parse(deep)


def test_the_longest_sum_evaluates() -> None:
    longest = "+".join(["1"] * 99) + " == 99"

    assert Condition.of(longest).holds(None)


@given(st.text(alphabet="result<>=!&|()[].,+-*/%0123 andotl\"'", max_size=40))
def test_any_text_is_a_condition_or_a_refusal(text: str) -> None:
    with suppress(AgentError):
        assert Condition.of(text).holds([1.0, 2.0]) in {True, False}
