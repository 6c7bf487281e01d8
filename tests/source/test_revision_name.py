from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.revision_name import RevisionName
from gitops_agent.source.sources import Sources
from tests.source.author import Author
from tests.source.conftest import MAIN


@pytest.fixture
def commits(author: Author) -> list[str]:
    """Three on main, the second tagged, and one on another branch."""
    first, second = author.commit({"a": "1"}), author.commit({"a": "2"})
    author.tag("v1.0")
    third = author.commit({"a": "3"})
    other = author.commit({"a": "4"}, branch="next", parent=third)
    return [first, second, third, other]


def test_users_name_commits_as_git_lets_them(sources: Sources, author: Author, commits: list[str]) -> None:
    first, second, third, other = commits
    expected = {
        "HEAD": third,
        "@": third,
        "HEAD~1": second,
        "HEAD^^": first,
        "main": third,
        "main~2": first,
        "next": other,
        "v1.0": second,
        "v1.0^": first,
        second: second,
        second[:7]: second,
        f"{third[:12]}~2": first,
    }

    for text, commit in expected.items():
        revision = sources.find(author.repository, RevisionName.parse(text), head=MAIN)
        assert revision.commit == commit, text
        assert sources.tree(author.repository, commit).read("a", limit=10)


def test_an_abbreviated_commit_of_another_branch_is_fetched(sources: Sources, author: Author, commits: list[str]) -> None:
    name = RevisionName.parse(commits[3][:8])

    assert sources.find(author.repository, name, head=MAIN).commit == commits[3]


def test_what_the_application_follows_keeps_its_own_name(sources: Sources, author: Author, commits: list[str]) -> None:
    del commits
    assert sources.find(author.repository, RevisionName.parse("HEAD"), head=MAIN).ref == "main"
    assert sources.find(author.repository, RevisionName.parse("HEAD~1"), head=MAIN).ref == "HEAD~1"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mian", "there is no branch, tag or commit 'mian'; did you mean main?"),
        ("0123456", "there is no branch, tag or commit '0123456'"),
        ("HEAD~9", "'HEAD~9' leads to no commit: HEAD has no such ancestor"),
    ],
)
def test_what_is_not_there_is_named_with_what_comes_near(
    sources: Sources, author: Author, commits: list[str], text: str, message: str
) -> None:
    del commits
    with pytest.raises(SourceError) as missing:
        sources.find(author.repository, RevisionName.parse(text), head=MAIN)

    assert str(missing.value).startswith(message)
    assert missing.value.reason == "RevisionNotFound"


@pytest.mark.parametrize(
    "text", ["", "~1", "a b", "--upload-pack=x", "a\nb", "main:apps", "HEAD@{1}", "main~99999", "main..next"]
)
def test_what_can_be_no_name_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as invalid:
        RevisionName.parse(text)

    assert invalid.value.reason == "InvalidSpec"
