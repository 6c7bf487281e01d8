from __future__ import annotations

import pytest

from gitops_agent.render.remote_reference import RemoteReference, read_reference
from gitops_agent.revision.remote_base import RemoteBase

SHA = "0123456789abcdef" * 2 + "01234567"


@pytest.mark.parametrize(
    ("value", "url", "path"),
    [
        ("https://github.com/org/repo//web/base", "https://github.com/org/repo", "web/base"),
        ("https://github.com/org/repo/web/base", "https://github.com/org/repo", "web/base"),
        ("https://github.com/org/repo", "https://github.com/org/repo", ""),
        ("https://github.com/org/repo.git/web", "https://github.com/org/repo.git", "web"),
        ("github.com/org/repo/web", "https://github.com/org/repo", "web"),
        ("GitHub.com/org/repo/web", "https://github.com/org/repo", "web"),
        ("git::https://github.com/org/repo//web", "https://github.com/org/repo", "web"),
        ("GIT::git@github.com:org/repo//web", "git@github.com:org/repo", "web"),
        ("git@github.com:org/repo.git", "git@github.com:org/repo.git", ""),
        ("github.com:org/repo//web", "https://github.com/org/repo", "web"),
        ("ssh://git@github.com/org/repo//web", "git@github.com:org/repo", "web"),
        ("ssh://github.com/org/repo", "git@github.com:org/repo", ""),
        ("https://git.example.com:8443/a/b/c//web", "https://git.example.com:8443/a/b/c", "web"),
        ("https://git.example.com/a/b/c/web", "https://git.example.com/a/b", "c/web"),
        ("ssh://git@git.example.com:2222/a/b.git/web", "ssh://git@git.example.com:2222/a/b.git", "web"),
        ("git@git.example.com:a/b/c//web", "git@git.example.com:a/b/c", "web"),
        ("https://dev.azure.com/org/project/_git/repo/web/base", "https://dev.azure.com/org/project/_git/repo", "web/base"),
        ("https://user@dev.azure.com/o/p/_git/r", "https://user@dev.azure.com/o/p/_git/r", ""),
        ("http://host/a/b//web", "http://host/a/b", "web"),
        ("file:///srv/repo//web", "file:///srv/repo", "web"),
        ("file:///srv/repo", "file:///srv/repo", ""),
    ],
)
def test_addresses_are_read_as_kustomize_reads_them(value: str, url: str, path: str) -> None:
    assert read_reference(f"{value}?ref={SHA}") == RemoteReference(url=url, path=path, ref=SHA)


@pytest.mark.parametrize("value", ["../base?ref=main", "base", "/abs", "https://host", "https://host/a", "git@host", ""])
def test_what_kustomize_would_not_clone_is_none(value: str) -> None:
    assert read_reference(value) is None


@pytest.mark.parametrize(
    ("query", "ref"),
    [
        ("", ""),
        ("?ref=main", "main"),
        ("?version=v1", "v1"),
        (f"?version=v1&ref={SHA}", SHA),
        (f"?submodules=false&timeout=90s&ref={SHA}", SHA),
        ("?timeout=90s", ""),
    ],
)
def test_the_reference_stands_in_the_query(query: str, ref: str) -> None:
    reference = read_reference(f"https://github.com/org/repo//web{query}")

    assert reference is not None
    assert reference.ref == ref
    assert (reference.base is None) is (ref != SHA)


def test_a_full_commit_pins() -> None:
    def base(ref: str) -> RemoteBase | None:
        reference = read_reference(f"https://github.com/org/repo?ref={ref}")
        assert reference is not None
        return reference.base

    assert base(SHA.upper()) == RemoteBase("https://github.com/org/repo", SHA)
    assert base(SHA[:12]) is None
    assert base(f"refs/heads/{SHA}") is None
