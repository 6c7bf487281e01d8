from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import RenderError
from gitops_agent.render.paths import join, root

PARTS = st.lists(st.sampled_from(["a", "b", "..", ".", ""]), max_size=8).map("/".join)


@pytest.mark.parametrize(
    ("folder", "path", "joined"),
    [("a/b", "c", "a/b/c"), ("a/b", "../c", "a/c"), ("a", "..", ""), ("", "./x//y/", "x/y"), ("a", ".", "a"), ("", "", "")],
)
def test_a_path_is_relative_to_its_file(folder: str, path: str, joined: str) -> None:
    assert join(folder, path) == joined


@pytest.mark.parametrize(("folder", "path"), [("", ".."), ("a", "../.."), ("a", "../../a"), ("", "/etc"), ("a", "x\0y")])
def test_a_path_that_leaves_is_refused_and_its_file_named(folder: str, path: str) -> None:
    with pytest.raises(RenderError) as caught:
        join(folder, path, named_in="k.yaml")
    assert caught.value.reason == "PathEscapes"
    assert caught.value.message.startswith("k.yaml: ")


@given(PARTS, PARTS)
def test_no_path_ever_leaves(folder: str, path: str) -> None:
    base = posixpath.normpath(f"/{folder}").lstrip("/")
    try:
        joined = join(base, path)
    except RenderError:
        return
    assert joined == posixpath.relpath(posixpath.normpath(f"/{base}/{path}"), "/").replace(".", "", 1) or ".." not in joined
    assert not joined.startswith("/")


def test_a_leading_slash_of_an_application_means_the_root() -> None:
    assert root("/apps/web/") == "apps/web"
