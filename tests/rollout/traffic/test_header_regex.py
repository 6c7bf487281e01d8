from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.rollout.traffic.header_regex import cookie_pattern, header_pattern
from gitops_agent.rollout.traffic.router import Match, MatchMode, MatchOn

texts = st.text(alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=';,"'), min_size=1, max_size=8)


@given(texts, texts)
def test_a_text_matches_itself_and_nothing_longer(value: str, more: str) -> None:
    pattern = header_pattern(Match(on=MatchOn.HEADER, name="user", value=value))

    assert re.search(pattern, value)
    assert not re.search(pattern, value + more)


@pytest.mark.parametrize(
    ("mode", "value", "header", "expected"),
    [
        (MatchMode.EXACT, "david", "user=david", True),
        (MatchMode.EXACT, "david", "a=b; user=david; c=d", True),
        (MatchMode.EXACT, "david", "a=b;user=david", True),
        (MatchMode.EXACT, "david", "user=davidson", False),
        (MatchMode.EXACT, "david", "superuser=david", False),
        (MatchMode.EXACT, "david", "a=user=david", False),
        (MatchMode.EXACT, "a.b", "user=axb", False),
        (MatchMode.PREFIX, "dav", "user=david; c=d", True),
        (MatchMode.PREFIX, "dav", "user=x; c=dav", False),
        (MatchMode.REGEX, "a|b", "user=b", True),
        (MatchMode.REGEX, "a|b", "user=c", False),
    ],
)
def test_a_cookie_among_others(mode: MatchMode, value: str, header: str, expected: bool) -> None:  # noqa: FBT001
    pattern = cookie_pattern(Match(on=MatchOn.COOKIE, name="user", value=value, mode=mode))

    assert bool(re.search(pattern, header)) is expected
