from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.render.variables.pattern import Pattern, PatternError


@pytest.mark.parametrize(
    ("pattern", "text", "shortest", "longest"),
    [
        ("a", "abc", 1, 1),
        ("b", "abc", None, None),
        ("*", "abc", 0, 3),
        ("*b", "abcb", 2, 4),
        ("?", "ü", 1, 1),
        ("?", "", None, None),
        ("a*c", "abcabc", 3, 6),
        ("[a-c]*", "abc", 1, 3),
        ("[^a]", "b", 1, 1),
        ("[^a]", "a", None, None),
        ("[]]", "]", 1, 1),
        ("[a\\]]", "]", 1, 1),
        ("[a-]", "-", 1, 1),
        ("\\*", "*a", 1, 1),
        ("\\*", "a", None, None),
        ("", "abc", 0, 0),
        ("**", "ab", 0, 2),
    ],
)
def test_a_beginning_matches(pattern: str, text: str, shortest: int | None, longest: int | None) -> None:
    assert Pattern(pattern).prefix(text, longest=False) == shortest
    assert Pattern(pattern).prefix(text, longest=True) == longest


def test_an_end_matches() -> None:
    assert Pattern(".*").suffix("a.b.c", longest=False) == 2
    assert Pattern(".*").suffix("a.b.c", longest=True) == 4
    assert Pattern("[a-c]?").suffix("xbz", longest=True) == 2


def test_a_match_may_have_to_take_something() -> None:
    assert Pattern("*").prefix("abc", longest=False, least=1) == 1
    assert Pattern("*").prefix("", longest=False, least=1) is None


@pytest.mark.parametrize("pattern", ["[", "[a", "[a-", "[^", "\\", "[\\", "a" * 513])
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        Pattern(pattern)


@given(pattern=st.text(alphabet="ab*?", max_size=8), text=st.text(alphabet="abc", max_size=10))
def test_matches_are_those_of_a_regular_expression(pattern: str, text: str) -> None:
    expression = re.compile("".join({"*": ".*", "?": "."}.get(sign, sign) for sign in pattern))
    lengths = [length for length in range(len(text) + 1) if expression.fullmatch(text[:length])]

    assert Pattern(pattern).prefix(text, longest=False) == (min(lengths) if lengths else None)
    assert Pattern(pattern).prefix(text, longest=True) == (max(lengths) if lengths else None)
    ends = [length for length in range(len(text) + 1) if expression.fullmatch(text[len(text) - length :])]
    assert Pattern(pattern).suffix(text, longest=True) == (max(ends) if ends else None)
