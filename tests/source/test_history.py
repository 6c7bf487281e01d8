from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitops_agent.errors import ProcessError
from gitops_agent.source.history import describe, is_ancestor, last_change, lost, passed, touching
from tests.source.author import Author


def test_a_commit_is_described_as_people_speak_of_it(author: Author) -> None:
    commit = author.commit({"a": "1"}, message="Grow the shop\n\nBecause it is full.\n\nGitops-Agent-Approve: abc\n")

    revision = describe(author.directory, commit, repository="https://git.example.com/config", ref="main")

    assert (revision.commit, revision.ref, revision.repository) == (commit, "main", "https://git.example.com/config")
    assert revision.author == "Ada <ada@example.com>"
    assert revision.subject == "Grow the shop"
    assert revision.message == "Grow the shop\n\nBecause it is full.\n\nGitops-Agent-Approve: abc"
    assert revision.committed_at == datetime.fromtimestamp(1760000000, UTC)


def test_a_hostile_message_is_cut_and_disarmed_but_keeps_its_trailers(author: Author) -> None:
    commit = author.commit({"a": "1"}, message="\x1b[2J\x07" + "x" * 9000 + "\n\nGitops-Agent-Approve: abc\n")

    revision = describe(author.directory, commit, repository="r", ref="main")

    assert len(revision.subject) == 200
    assert len(revision.message) <= 4000
    assert revision.message.endswith("Gitops-Agent-Approve: abc")
    assert "\x1b" not in revision.subject + revision.message + revision.author


def test_an_empty_message_is_no_error(author: Author) -> None:
    assert describe(author.directory, author.commit({"a": "1"}, message=""), repository="r", ref="main").subject == ""


def test_a_commit_that_is_not_there_cannot_be_described(author: Author) -> None:
    with pytest.raises(ProcessError):
        describe(author.directory, "0" * 40, repository="r", ref="main")


def test_lost_commits_are_counted(author: Author) -> None:
    first = author.commit({"a": "1"})
    second = author.commit({"a": "2"})
    other = author.commit({"a": "3"}, branch="other", orphan=True)

    assert lost(author.directory, first, second) == 0
    assert lost(author.directory, second, first) == 1
    assert lost(author.directory, second, other) == 2
    assert lost(author.directory, "0" * 40, other) == -1


def test_the_commit_that_wrote_a_file_or_a_line_last_is_found(author: Author) -> None:
    first = author.commit({"a": "1\n2\n", "b": "1\n"})
    second = author.commit({"a": "1\n3\n", "b": "1\n"})
    third = author.commit({"a": "1\n3\n", "b": "2\n"})

    assert last_change(author.directory, third, "a") == second
    assert last_change(author.directory, third, "a", line=1) == first
    assert last_change(author.directory, third, "a", line=2) == second


@pytest.mark.parametrize(("path", "line"), [("a", 9), ("missing", 1)])
def test_a_line_that_is_not_there_has_no_history(author: Author, path: str, line: int) -> None:
    with pytest.raises(ProcessError):
        last_change(author.directory, author.commit({"a": "1\n"}), path, line=line)


def test_the_commits_between_two_are_the_newest_few_and_none_after_a_rewrite(author: Author) -> None:
    commits = [author.commit({"a": str(number)}) for number in range(5)]
    directory = author.directory

    assert passed(directory, commits[0], commits[4], most=2) == (commits[2], commits[3])
    assert passed(directory, commits[0], commits[1], most=2) == ()
    assert passed(directory, commits[4], commits[1], most=2) is None


def test_the_history_of_paths_comes_in_pages_and_counts_the_others(author: Author) -> None:
    commits = [author.commit({"app/a": str(number), "other": str(number // 2)}, at=1760000000 + number) for number in range(5)]
    others = [author.commit({"app/a": "4", "other": f"x{number}"}, at=1760000100 + number) for number in range(3)]
    last = author.commit({"app/a": "9", "other": "x2"}, at=1760000200, message="Bump\n\nbody")
    tip = describe(author.directory, last, repository="https://git.example.com/config", ref="main")

    first = touching(author.directory, tip, ["app"], most=2)
    second = touching(author.directory, tip, ["app/a"], most=2, before=first.before)
    third = touching(author.directory, tip, ["app/a", "missing"], most=2, before=second.before)

    assert [each.commit for each in first.commits] == [last, commits[4]]
    assert (first.passed, first.commits[0].subject, first.commits[0].author) == (len(others), "Bump", "Ada <ada@example.com>")
    assert first.commits[0].committed_at == datetime.fromtimestamp(1760000200, UTC)
    assert [each.commit for page in (second, third) for each in page.commits] == commits[3::-1]
    assert third.before is None
    assert [each.commit for each in touching(author.directory, tip, [""], most=3).commits] == [last, *others[:0:-1]]


def test_a_page_of_history_ends_between_two_seconds(author: Author) -> None:
    commits = [author.commit({"a": str(number)}, at=1760000000 + number // 3) for number in range(7)]
    tip = describe(author.directory, commits[-1], repository="r", ref="main")

    first = touching(author.directory, tip, ["a"], most=2)
    second = touching(author.directory, tip, ["a"], most=2, before=first.before)

    assert [each.commit for page in (first, second) for each in page.commits] == commits[::-1]


def test_a_merge_is_one_commit_of_its_branch(author: Author) -> None:
    base = author.commit({"a": "1"}, at=1760000000)
    side = author.commit({"a": "2"}, branch="side", parent=base, at=1760000001)
    merge = author.commit({"a": "2"}, parent=base, merged=side, at=1760000002)
    tip = describe(author.directory, merge, repository="r", ref="main")

    assert [each.commit for each in touching(author.directory, tip, ["a"], most=9).commits] == [merge, base]
    assert is_ancestor(author.directory, side, merge)
    assert not is_ancestor(author.directory, merge, side)
    assert not is_ancestor(author.directory, "0" * 40, merge)


def test_a_path_is_a_name_and_no_pattern(author: Author) -> None:
    author.commit({"a": "1"}, at=1760000000)
    last = author.commit({"a": "2", "b*": "1", ":(top)b": "1"}, at=1760000001)
    tip = describe(author.directory, last, repository="r", ref="main")

    assert [each.commit for each in touching(author.directory, tip, ["b*", ":(top)b", "-n"], most=9).commits] == [last]
    assert touching(author.directory, tip, ["*"], most=9).commits == ()
