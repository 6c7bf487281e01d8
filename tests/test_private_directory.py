from __future__ import annotations

import os
import time
from pathlib import Path

from gitops_agent.private_directory import private_directory, sweep


def _age(directory: Path) -> None:
    past = time.time() - 3600
    os.utime(directory, (past, past))


def test_a_directory_is_private_and_goes(tmp_path: Path) -> None:
    with private_directory("a-", tmp_path) as directory:
        (directory / "copy").write_text("x")
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()


def test_only_old_directories_of_the_prefix_that_no_process_holds_are_swept(tmp_path: Path) -> None:
    left, young, other, outside = (tmp_path / name for name in ("a-left", "a-young", "b-other", "outside"))
    for directory in (left, young, other, outside):
        directory.mkdir()
    (tmp_path / "a-link").symlink_to(outside)
    with private_directory("a-", tmp_path) as used:
        for directory in (left, other, outside, used):
            _age(directory)
        os.utime(tmp_path / "a-link", (1, 1), follow_symlinks=False)

        sweep("a-", tmp_path)

        assert not left.exists()
        assert all(directory.exists() for directory in (used, young, other, outside))
