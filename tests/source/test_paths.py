from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import SourceError
from gitops_agent.source.paths import normalised, shown


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("", ""),
        (".", ""),
        ("./", ""),
        ("a/b", "a/b"),
        ("./a//b/", "a/b"),
        ("a/./b", "a/b"),
        ("a/../b", "b"),
        ("a/..", ""),
        ("...", "..."),
    ],
)
def test_paths_are_made_plain(path: str, plain: str) -> None:
    assert normalised(path) == plain


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "/etc/passwd", "//etc", "a\0b", "./..", "a/b/../../.."])
def test_a_path_that_leaves_the_repository_is_refused(path: str) -> None:
    with pytest.raises(SourceError) as caught:
        normalised(path)
    assert caught.value.reason == "PathEscapes"
    assert str(caught.value).isprintable()


@given(st.lists(st.sampled_from(["a", "b", ".", "..", "", "c d"])).map("/".join))
def test_what_is_accepted_stays_below_the_root(path: str) -> None:
    try:
        plain = normalised(path)
    except SourceError:
        return
    assert not plain.startswith(("/", "../"))
    assert plain != ".."
    assert normalised(plain) == plain
    assert posixpath.normpath(f"/{path}") == f"/{plain}" or path.startswith("/")


@given(st.text(max_size=300))
def test_what_is_shown_is_printable_and_short(path: str) -> None:
    assert shown(path).isprintable()
    assert len(shown(path)) <= 201


def test_a_long_path_is_shown_by_its_ends() -> None:
    text = shown("a" * 300 + "/" + "b" * 300)

    assert (len(text), text[:3], text[-3:]) == (201, "aaa", "bbb")
    assert shown("c" * 200) == "c" * 200
