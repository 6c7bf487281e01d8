from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.sources import Move, Ref, Repository, Sources
from tests.source.author import Author
from tests.source.conftest import MAIN

RANGE = Ref(kind="semver", value="^1.0")


def _fetches(sources: Sources, author: Author) -> int:
    """Counts the mirror's packs: every effective fetch is one."""
    return len(list(sources._mirror(author.repository).directory.glob("objects/pack/*.pack")))


def test_a_first_sight_is_a_move_from_nowhere_and_a_second_poll_finds_nothing(sources: Sources, author: Author) -> None:
    commit = author.commit({"a": "1"})

    first = sources.poll(author.repository, frozenset({MAIN}))
    second = sources.poll(author.repository, frozenset({MAIN}))

    assert first.tips == second.tips == {MAIN: commit}
    assert first.names == {MAIN: "refs/heads/main"}
    assert first.moved == (Move(ref=MAIN, old="", new=commit),)
    assert second.moved == ()


def test_a_new_commit_is_a_move_that_lost_nothing(sources: Sources, author: Author) -> None:
    old = author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    author.commit({"a": "2"})
    new = author.commit({"a": "3"})

    assert sources.poll(author.repository, frozenset({MAIN})).moved == (Move(ref=MAIN, old=old, new=new),)


def test_nothing_is_fetched_while_the_wanted_tip_stands_still(sources: Sources, author: Author) -> None:
    author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    before = _fetches(sources, author)
    author.commit({"a": "2"}, branch="other")
    author.tag("v1.0.0", "other")

    sources.poll(author.repository, frozenset({MAIN}))

    assert _fetches(sources, author) == before


@pytest.mark.slow
@pytest.mark.parametrize("orphan", [True, False])
def test_a_force_push_is_reported_with_the_number_of_lost_commits_and_the_old_ones_stay(
    sources: Sources,
    author: Author,
    orphan: bool,  # noqa: FBT001
) -> None:
    base = author.commit({"a": "1"})
    for number in range(7):
        old = author.commit({"a": f"old {number}"})
    sources.poll(author.repository, frozenset({MAIN}))
    author.git("update-ref", "refs/heads/main", base)
    new = author.commit({"a": "new"}, orphan=orphan)
    author.git("reflog", "expire", "--expire=now", "--all")
    author.git("gc", "-q", "--prune=now")

    poll = sources.poll(author.repository, frozenset({MAIN}))

    assert poll.moved == (Move(ref=MAIN, old=old, new=new, rewritten=True, lost=8 if orphan else 7),)
    assert sources.tree(author.repository, old).read("a", limit=10) == b"old 6"
    assert sources.resolve(author.repository, MAIN).commit == new


def test_a_force_push_while_the_agent_was_down_is_reported_too(tmp_path: Path, author: Author) -> None:
    old = author.commit({"a": "1"})
    Sources(tmp_path / "cache", allow_file=True).poll(author.repository, frozenset({MAIN}))
    new = author.commit({"a": "2"}, orphan=True)

    poll = Sources(tmp_path / "cache", allow_file=True).poll(author.repository, frozenset({MAIN}))

    assert poll.moved == (Move(ref=MAIN, old=old, new=new, rewritten=True, lost=1),)


def test_a_branch_that_moves_backwards_is_a_rewrite(sources: Sources, author: Author) -> None:
    old = author.commit({"a": "1"})
    new = author.commit({"a": "2"})
    sources.poll(author.repository, frozenset({MAIN}))
    author.git("update-ref", "refs/heads/main", old)

    assert sources.poll(author.repository, frozenset({MAIN})).moved == (
        Move(ref=MAIN, old=new, new=old, rewritten=True, lost=1),
    )


@pytest.mark.parametrize("annotated", [True, False])
def test_tags_are_peeled_and_one_that_moves_is_a_rewrite(sources: Sources, author: Author, annotated: bool) -> None:  # noqa: FBT001
    tag = Ref(kind="tag", value="v1.0.0")
    old = author.commit({"a": "1"})
    author.tag("v1.0.0", annotated=annotated)
    assert sources.poll(author.repository, frozenset({tag})).tips == {tag: old}
    new = author.commit({"a": "2"})
    author.tag("v1.0.0", annotated=annotated)

    poll = sources.poll(author.repository, frozenset({tag}))

    assert poll.moved == (Move(ref=tag, old=old, new=new, rewritten=True, lost=0),)


def test_a_tag_of_a_tag_leads_to_the_commit(sources: Sources, author: Author) -> None:
    commit = author.commit({"a": "1"})
    author.tag("inner", annotated=True)
    author.tag("outer", "inner", annotated=True)
    tag = Ref(kind="tag", value="outer")

    assert sources.poll(author.repository, frozenset({tag})).tips == {tag: commit}


def test_a_tag_of_something_else_is_an_error_of_its_own_and_not_fetched_again(sources: Sources, author: Author) -> None:
    author.commit({"a": "1"})
    author.tag("odd", author.blob("no commit"))
    odd = Ref(kind="tag", value="odd")

    for _ in range(2):
        poll = sources.poll(author.repository, frozenset({MAIN, odd}))
        assert set(poll.tips) == {MAIN}
        assert poll.errors[odd].reason == "RevisionNotFound"


def test_a_range_follows_the_highest_version_and_is_no_rewrite(sources: Sources, author: Author) -> None:
    first = author.commit({"a": "1"})
    author.tag("v1.0.0")
    author.tag("v0.9.0")
    author.tag("v2.0.0-rc.1")
    assert sources.poll(author.repository, frozenset({RANGE})).names == {RANGE: "refs/tags/v1.0.0"}
    second = author.commit({"a": "2"}, orphan=True)
    author.tag("v1.1.0", annotated=True)
    author.tag("v2.0.0")

    poll = sources.poll(author.repository, frozenset({RANGE}))

    assert poll.moved == (Move(ref=RANGE, old=first, new=second),)
    assert poll.names == {RANGE: "refs/tags/v1.1.0"}


def test_a_missing_name_is_an_error_of_that_reference_only_with_names_that_come_near(sources: Sources, author: Author) -> None:
    commit = author.commit({"a": "1"}, branch="release-1.2")
    author.tag("v3.0.0", "release-1.2")
    good = Ref(kind="branch", value="release-1.2")
    typo, range_ = Ref(kind="branch", value="relaese-1.2"), Ref(kind="semver", value="^1")

    poll = sources.poll(author.repository, frozenset({good, typo, range_}))

    assert poll.tips == {good: commit}
    assert poll.errors[typo].reason == poll.errors[range_].reason == "RevisionNotFound"
    assert "release-1.2" in str(poll.errors[typo])
    assert "v3.0.0" in str(poll.errors[range_])


def test_a_branch_that_is_gone_keeps_its_last_commit(sources: Sources, author: Author) -> None:
    commit = author.commit({"a": "1"})
    author.commit({"a": "1"}, branch="other")
    sources.poll(author.repository, frozenset({MAIN}))
    author.git("update-ref", "-d", "refs/heads/main")

    poll = sources.poll(author.repository, frozenset({MAIN}))

    assert poll.errors[MAIN].reason == "RevisionNotFound"
    assert sources.resolve(author.repository, MAIN).commit == commit


def test_a_branch_may_become_a_folder_of_branches(sources: Sources, author: Author) -> None:
    inner, outer = Ref(kind="branch", value="team/one"), Ref(kind="branch", value="team")
    author.commit({"a": "1"}, branch="team")
    sources.poll(author.repository, frozenset({outer}))
    author.git("update-ref", "-d", "refs/heads/team")
    commit = author.commit({"a": "2"}, branch="team/one", orphan=True)

    assert sources.poll(author.repository, frozenset({inner})).tips == {inner: commit}


def test_a_commit_on_a_branch_is_had_by_its_name(sources: Sources, author: Author) -> None:
    old = author.commit({"a": "1"})
    author.commit({"a": "2"})
    pinned = Ref(kind="commit", value=old)

    poll = sources.poll(author.repository, frozenset({pinned}))

    assert poll.tips == {pinned: old}
    assert poll.moved == (Move(ref=pinned, old="", new=old),)
    assert sources.tree(author.repository, old).read("a", limit=10) == b"1"


def test_a_pinned_commit_that_is_there_needs_no_server(sources: Sources, author: Author) -> None:
    pinned = Ref(kind="commit", value=author.commit({"a": "1"}))
    sources.poll(author.repository, frozenset({pinned}))
    author.directory.rename(author.directory.with_name("gone"))

    assert sources.poll(author.repository, frozenset({pinned})).tips == {pinned: pinned.value}


def test_an_old_server_that_gives_no_single_commits_is_asked_for_all_branches(
    sources: Sources, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protocol version 0 is what such servers speak."""
    from gitops_agent.source import git

    monkeypatch.setattr(git, "_CONFIG", (*git._CONFIG, "protocol.version=0"))
    old = author.commit({"a": "1"}, branch="team/one")
    author.commit({"a": "2"}, branch="team/one")
    lost = author.commit({"a": "3"}, branch="gone")
    author.git("update-ref", "-d", "refs/heads/gone")
    pinned, missing = Ref(kind="commit", value=old), Ref(kind="commit", value=lost)

    poll = sources.poll(author.repository, frozenset({pinned, missing}))

    assert poll.tips == {pinned: old}
    assert poll.errors[missing].reason == "RevisionNotFound"
    assert "branch or tag that contains it" in str(poll.errors[missing])
    packs = _fetches(sources, author)
    assert sources.poll(author.repository, frozenset({pinned, missing})).errors[missing].reason == "RevisionNotFound"
    assert _fetches(sources, author) == packs
    author.git("update-ref", "refs/heads/back", lost)
    assert sources.poll(author.repository, frozenset({missing})).tips == {missing: lost}


def test_a_commit_that_never_was_is_reported(sources: Sources, author: Author) -> None:
    author.commit({"a": "1"})
    never = Ref(kind="commit", value="1234567890" * 4)

    poll = sources.poll(author.repository, frozenset({never, MAIN}))

    assert set(poll.tips) == {MAIN}
    assert poll.errors[never].reason == "RevisionNotFound"


def test_an_empty_repository_is_reported(sources: Sources, author: Author) -> None:
    with pytest.raises(SourceError, match="empty") as caught:
        sources.poll(author.repository, frozenset({MAIN}))
    assert caught.value.reason == "EmptyRepository"


def test_a_repository_that_becomes_empty_keeps_its_last_commit(sources: Sources, author: Author) -> None:
    commit = author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    author.git("update-ref", "-d", "refs/heads/main")

    with pytest.raises(SourceError):
        sources.poll(author.repository, frozenset({MAIN}))
    assert sources.resolve(author.repository, MAIN).commit == commit


@pytest.mark.parametrize(
    ("url", "failure"),
    [
        ("https://no-such-host.invalid/config.git", "dns"),
        ("https://127.0.0.1:1/config.git", "unreachable"),
        ("file:///nonexistent/config.git", "not-found"),
    ],
)
def test_a_repository_that_cannot_be_reached_is_reported_by_class(sources: Sources, url: str, failure: str) -> None:
    with pytest.raises(SourceError) as caught:
        sources.poll(Repository(url=url), frozenset({MAIN}))
    assert caught.value.facts["failure"] == failure
    assert caught.value.transient == (failure != "not-found")


def test_a_repository_of_the_other_object_format_is_read(sources: Sources, tmp_path: Path) -> None:
    author = Author(tmp_path / "sha256.git", object_format="sha256")
    commit = author.commit({"a": "1"})
    pinned = Ref(kind="commit", value=commit)

    assert len(commit) == 64
    assert sources.poll(author.repository, frozenset({MAIN})).tips == {MAIN: commit}
    assert sources.poll(author.repository, frozenset({MAIN, pinned})).tips == {MAIN: commit, pinned: commit}
    assert sources.tree(author.repository, commit).read("a", limit=10) == b"1"


def test_many_references_cost_one_fetch(sources: Sources, author: Author) -> None:
    refs = {
        Ref(kind="branch", value=f"team-{number}"): author.commit({"a": str(number)}, branch=f"team-{number}")
        for number in range(30)
    }

    assert sources.poll(author.repository, frozenset(refs)).tips == refs
    assert _fetches(sources, author) == 1


def test_old_histories_with_odd_dates_are_read_and_broken_objects_are_not(sources: Sources, author: Author) -> None:
    tree = author.files({"a": "1"})
    who = "Ada <ada@example.com> 1312735823 +051800"
    odd = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nOdd\n"
    commit = author.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=odd.encode())
    author.git("update-ref", "refs/heads/main", commit)
    assert sources.poll(author.repository, frozenset({MAIN})).tips == {MAIN: commit}

    broken = author.git("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=b"tree nonsense\n\nBroken\n")
    author.git("update-ref", "refs/heads/broken", commit)
    (author.directory / "refs/heads/broken").write_text(broken + "\n")
    with pytest.raises(SourceError):
        sources.poll(author.repository, frozenset({Ref(kind="branch", value="broken")}))
    assert sources.resolve(author.repository, MAIN).commit == commit


@pytest.mark.parametrize("name", [".git", "..", ".GIT", "."])
def test_a_history_with_a_hostile_tree_is_refused_as_a_whole(sources: Sources, author: Author, name: str) -> None:
    good = author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    author.commit(author.tree({name: ("40000", author.files({"config": "evil"}))}))

    with pytest.raises(SourceError, match="safety check") as caught:
        sources.poll(author.repository, frozenset({MAIN}))

    assert caught.value.facts["failure"] == "unsafe"
    assert not caught.value.transient
    assert sources.resolve(author.repository, MAIN).commit == good
