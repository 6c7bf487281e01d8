from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import SourceError
from gitops_agent.source.ref import Ref


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("branch", "main"),
        ("branch", "feature/größe-1"),
        ("branch", "a.b_c+d=e"),
        ("tag", "v1.2.3"),
        ("semver", ">=1.2 <2 || ^3"),
        ("commit", "0123456789abcdef0123456789abcdef01234567"),
        ("commit", "ab" * 32),
    ],
)
def test_what_git_allows_is_taken(kind: Any, value: str) -> None:
    assert str(Ref(kind=kind, value=value)) == f"{kind} {value}"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *(
            ("branch", value)
            for value in ("", "-x", "--upload-pack=x", "a b", "a\nb", "a\0b", "a..b", "a~1", "a^", "a:b", "a?", "a*")
        ),
        *(
            ("branch", value)
            for value in ("a[", "a\\b", "@", "a@{1}", "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "x" * 300)
        ),
        ("tag", "-v1"),
        ("semver", "latest"),
        *(("commit", value) for value in ("main", "abc123", "HEAD", "A" * 40, "g" * 40, "0" * 41, "0" * 40 + "\n")),
        ("head", "main"),
    ],
)
def test_what_git_forbids_or_reads_as_something_else_is_refused(kind: Any, value: str) -> None:
    with pytest.raises(SourceError) as caught:
        Ref(kind=kind, value=value)
    assert caught.value.reason == "InvalidSpec"
    assert str(caught.value).isprintable()


@given(st.text(max_size=40))
def test_no_accepted_name_is_an_option_or_more_than_one_word(value: str) -> None:
    try:
        ref = Ref(kind="branch", value=value)
    except SourceError:
        return
    assert not ref.value.startswith("-")
    assert not any(character in ref.value for character in " \n\r\t\0:*?[\\^~")
