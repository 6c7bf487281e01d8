from __future__ import annotations

import pytest

from gitops_agent.httpclient.wildcard import matches


@pytest.mark.parametrize(("pattern", "text", "expected"), [("*", "a", True), ("a.c", "abc", False), ("[a]", "a", False)])
def test_a_star_is_the_only_sign_of_a_pattern(pattern: str, text: str, *, expected: bool) -> None:
    assert matches(pattern, text) is expected
