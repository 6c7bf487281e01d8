from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.sources import Ref, Repository, Sources
from tests.source.author import Author
from tests.source.conftest import MAIN
from tests.waiting import LIMIT_SECONDS

pytestmark = pytest.mark.slow


def test_file_repositories_are_read_only_when_allowed(tmp_path: Path, author: Author) -> None:
    author.commit({"a": "1"})
    with pytest.raises(SourceError, match="allow_file") as caught:
        Sources(tmp_path / "cache").poll(author.repository, frozenset({MAIN}))
    assert caught.value.reason == "InvalidSpec"


def test_what_was_never_polled_is_not_there_yet(sources: Sources, author: Author) -> None:
    with pytest.raises(SourceError, match="not been fetched") as caught:
        sources.resolve(author.repository, MAIN)
    assert caught.value.transient
    with pytest.raises(SourceError) as missing:
        sources.tree(author.repository, "0" * 40)
    assert missing.value.transient


def test_a_revision_names_its_repository_and_what_was_asked_for(sources: Sources, author: Author) -> None:
    commit = author.commit({"a": "1"}, message="Grow\n\nMore.")
    author.tag("v1.2.3")
    range_ = Ref(kind="semver", value=">=1.0 <2")
    sources.poll(author.repository, frozenset({range_, MAIN}))

    revision = sources.resolve(author.repository, range_)

    assert (revision.ref, revision.commit, revision.subject) == (">=1.0 <2", commit, "Grow")
    assert revision.repository == author.repository.url
    assert sources.resolve(author.repository, MAIN).ref == "main"


def test_what_was_seen_survives_a_restart_and_a_server_that_is_gone(tmp_path: Path, author: Author) -> None:
    commit = author.commit({"a": "1"})
    first = Sources(tmp_path / "cache", allow_file=True)
    first.poll(author.repository, frozenset({MAIN}))
    first.close()
    repository = author.repository
    author.directory.rename(tmp_path / "gone")
    second = Sources(tmp_path / "cache", allow_file=True)

    with pytest.raises(SourceError):
        second.poll(repository, frozenset({MAIN}))

    assert second.resolve(repository, MAIN).commit == commit
    assert second.tree(repository, commit).read("a", limit=10) == b"1"
    second.close()


def test_a_commit_is_listed_once_for_all_who_read_it(sources: Sources, author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    from gitops_agent.source.tree_index import Index

    commit = author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    loads: list[str] = []
    load = Index.load

    def counted(directory: Path, commit: str, *, like: Index | None = None) -> Index:
        loads.append(commit)
        return load(directory, commit, like=like)

    monkeypatch.setattr(Index, "load", counted)
    threads = [threading.Thread(target=lambda: sources.tree(author.repository, commit).entry("a")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert loads == [commit]


def test_old_listings_give_way_to_new_ones(sources: Sources, author: Author, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitops_agent.source.sources._MOST_ENTRIES", 5)
    for number in range(4):
        author.commit({f"{name}-{number}": "1" for name in "ab"})
        commit = sources.poll(author.repository, frozenset({MAIN})).tips[MAIN]
        sources.tree(author.repository, commit)

    assert len(sources._indexes) == 2


def test_a_repository_keeps_the_listings_of_its_last_commits(
    sources: Sources, author: Author, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitops_agent.source.sources._MOST_COMMITS", 3)
    for number in range(5):
        author.commit({"a": str(number)})
        commit = sources.poll(author.repository, frozenset({MAIN})).tips[MAIN]
        sources.tree(author.repository, commit)

    assert len(sources._indexes) == 3
    assert next(reversed(sources._indexes))[1] == commit


def test_few_processes_read_many_repositories(sources: Sources, tmp_path: Path) -> None:
    authors = [Author(tmp_path / f"{number}.git") for number in range(10)]
    trees = []
    for author in authors:
        commit = author.commit({"a": author.directory.name})
        sources.poll(author.repository, frozenset({MAIN}))
        trees.append(sources.tree(author.repository, commit))

    for author, tree in zip(authors, trees, strict=True):
        assert tree.read("a", limit=100) == author.directory.name.encode()

    assert len(sources._readers) == 8


def test_a_forgotten_repository_leaves_nothing(sources: Sources, author: Author, tmp_path: Path) -> None:
    commit = author.commit({"a": "1"})
    sources.poll(author.repository, frozenset({MAIN}))
    sources.tree(author.repository, commit).read("a", limit=10)

    sources.forget(author.repository)

    assert not list((tmp_path / "cache").glob("*.git*"))
    with pytest.raises(SourceError):
        sources.resolve(author.repository, MAIN)
    assert sources.poll(author.repository, frozenset({MAIN})).tips == {MAIN: commit}


def test_after_closing_no_process_is_left(tmp_path: Path, author: Author) -> None:
    commit = author.commit({"a": "1"})
    sources = Sources(tmp_path / "cache", allow_file=True)
    sources.poll(author.repository, frozenset({MAIN}))
    sources.tree(author.repository, commit).read("a", limit=10)
    assert _children(tmp_path)

    sources.close()

    assert not _children(tmp_path)


def test_a_cache_that_cannot_be_written_is_reported(tmp_path: Path, author: Author) -> None:
    author.commit({"a": "1"})
    (tmp_path / "cache").write_text("a file where the directory should be")

    with pytest.raises(SourceError, match="cache") as caught:
        Sources(tmp_path / "cache", allow_file=True).poll(author.repository, frozenset({MAIN}))
    assert caught.value.facts["failure"] == "disk"


def test_one_hanging_repository_does_not_delay_another(tmp_path: Path, author: Author) -> None:
    author.commit({"a": "1"})
    sources = Sources(tmp_path / "cache", allow_file=True, timeout_seconds=600)
    slow = Repository(url="https://localhost:9/slow.git")
    started = time.monotonic()
    with sources._mirror(slow).locked(5):
        sources.poll(author.repository, frozenset({MAIN}))

    assert time.monotonic() - started < LIMIT_SECONDS


def _children(mark: Path) -> list[str]:
    """The command lines of our child processes that work in a directory."""
    lines = []
    for directory in Path("/proc").iterdir():
        try:
            parent = (directory / "stat").read_text().rpartition(")")[2].split()[1]
            line = (directory / "cmdline").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if parent == str(os.getpid()) and str(mark) in line:
            lines.append(line)
    return lines
