from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.revision.remote_base import FOLDER, RemoteBase, base_of, is_commit, readable, root_of

SHA = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize(
    "url", ["https://github.com/org/repo", "git@github.com:org/repo", "ssh://git@host:22/a/b.git", "https://host/a%20b@c/~d"]
)
def test_a_path_holds_the_whole_identity(url: str) -> None:
    base = RemoteBase(url, SHA)

    assert base.path.count("/") == 1
    assert base_of(base.path) == (base, "")
    assert base_of(f"{base.path}/apps/web") == (base, "apps/web")
    assert root_of(f"{base.path}/apps") == base.path
    assert readable(f"{base.path}/apps/web.yaml") == f"apps/web.yaml of {url} at {SHA[:12]}"


@given(st.text(min_size=1))
def test_every_url_has_a_path_of_its_own(url: str) -> None:
    try:
        url.encode()
    except UnicodeEncodeError:
        return
    base = RemoteBase(url, SHA)

    assert base_of(f"{base.path}/x") == (base, "x")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "apps/web",
        FOLDER,
        f"{FOLDER}/x",
        f"{FOLDER}/@{SHA}",
        f"{FOLDER}/https%3A%2F%2Fhost@main",
        f"{FOLDER}/https%3A%2F%2Fhost@{SHA[:39]}",
        f"{FOLDER}/a b@{SHA}",
        f"{FOLDER}/%2e%2e@{SHA}",
        f"apps/{FOLDER}/x@{SHA}",
    ],
)
def test_other_paths_lie_in_the_commit_itself(path: str) -> None:
    assert base_of(path) is None
    assert root_of(path) == ""


def test_a_commit_is_a_full_object_name() -> None:
    names = [SHA, SHA * 2, SHA + "0" * 24, SHA[:12], SHA.upper(), "main"]

    assert [is_commit(name) for name in names] == [True, False, True, False, False, False]
    assert not RemoteBase("https://host/" + "a" * 300, SHA).showable
