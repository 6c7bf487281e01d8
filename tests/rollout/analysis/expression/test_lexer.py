from __future__ import annotations

import pytest

from gitops_agent.rollout.analysis.expression.lexer import TEXT_LIMIT, WORD_LIMIT, ConditionInvalid, TokenKind, tokens


def test_words_have_a_sort_and_a_place() -> None:
    assert [(token.sort, token.value, token.place) for token in tokens("result<=0.5 && 'a'")] == [
        (TokenKind.NAME, "result", 0),
        (TokenKind.SIGN, "<=", 6),
        (TokenKind.NUMBER, "0.5", 8),
        (TokenKind.SIGN, "and", 12),
        (TokenKind.TEXT, "a", 15),
        (TokenKind.END, "", 18),
    ]


@pytest.mark.parametrize("condition", ["result = 1", "result < 1;", "1x < 2", "'open", 'a\\"', "result ^ 2", "ré", "1.2.3"])
def test_what_is_no_word_is_refused(condition: str) -> None:
    with pytest.raises(ConditionInvalid, match="cannot be read from character"):
        tokens(condition)


def test_a_condition_has_a_length() -> None:
    with pytest.raises(ConditionInvalid, match="characters"):
        tokens(" " * (TEXT_LIMIT + 1))
    with pytest.raises(ConditionInvalid, match="words"):
        tokens("+" * (WORD_LIMIT + 1))
