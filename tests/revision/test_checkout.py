"""Writing files of a commit; the names are checked by `source.checkout`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.revision.checkout import write
from gitops_agent.revision.tree import Entry, EntryType


def _file(path: str, *, executable: bool = False) -> Entry:
    return Entry(path=path, type=EntryType.FILE, oid="", executable=executable)


def test_files_are_written_at_their_paths_with_their_mode(tmp_path: Path) -> None:
    write([(_file("a/b/run", executable=True), b"1"), (_file("a/c"), b"2")], tmp_path / "out")

    assert (tmp_path / "out/a/b/run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out/a/c").read_bytes() == b"2"


def test_a_planted_link_is_not_written_through(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "one").mkdir()
    (tmp_path / "one/app").symlink_to(outside)
    (tmp_path / "two/app").mkdir(parents=True)
    (tmp_path / "two/app/a").symlink_to(outside / "a")

    for folder in ("one", "two"):
        with pytest.raises(SourceError):
            write([(_file("app/a"), b"1")], tmp_path / folder)
    assert list(outside.iterdir()) == []


def test_no_file_is_overwritten(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be written: File exists"):
        write([(_file("a"), b"1"), (_file("a"), b"2")], tmp_path)
