from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.errors import UsageError
from gitops_agent.file_lock import FileLock
from gitops_agent.sandbox.data_dir import clean, make_room, remains


def _leave_remains(folder: Path) -> None:
    (folder / "etcd" / "member").mkdir(parents=True)
    (folder / "etcd" / "member" / "db").write_text("data")
    (folder / "sandbox.json").write_text("{}")
    (folder / "kubeconfig").write_text("")


def test_cleaning_removes_the_folder_when_nothing_else_is_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "plane"
    _leave_remains(folder)
    assert remains(folder)
    clean(folder)
    assert not folder.exists()


def test_cleaning_leaves_what_is_not_ours(tmp_path: Path) -> None:
    _leave_remains(tmp_path)
    (tmp_path / "thesis.tex").write_text("years of work")
    clean(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_link_in_place_of_a_folder_is_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text("kept")
    (tmp_path / "plane").mkdir()
    (tmp_path / "plane" / "etcd").symlink_to(tmp_path / "elsewhere")
    clean(tmp_path / "plane")
    assert (tmp_path / "elsewhere" / "file").read_text() == "kept"


def test_room_is_made_by_removing_the_remains_of_a_dead_sandbox(tmp_path: Path) -> None:
    _leave_remains(tmp_path)
    make_room(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {"lock"}


def test_room_is_not_made_while_a_sandbox_runs(tmp_path: Path) -> None:
    _leave_remains(tmp_path)
    with FileLock(tmp_path / "lock"):
        make_room(tmp_path)
    assert (tmp_path / "etcd" / "member" / "db").exists()


def test_a_folder_of_other_things_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UsageError, match=r"thesis\.tex"):
        make_room(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="not a folder"):
        make_room(tmp_path / "file")
