from __future__ import annotations

import os
import time
from pathlib import Path

from gitops_agent.render.scratch import workspace


def _age(folder: Path) -> None:
    past = time.time() - 3600
    os.utime(folder, (past, past))


def test_a_folder_is_private_and_goes(tmp_path: Path) -> None:
    with workspace(tmp_path / "scratch") as folder:
        (folder / "copy").write_text("x")
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_a_folder_of_a_killed_process_is_removed_by_the_next_render(tmp_path: Path) -> None:
    left = tmp_path / "render-left"
    left.mkdir()
    (left / "values.yaml").write_text("password: x")
    _age(left)

    with workspace(tmp_path):
        assert not left.exists()


def test_a_folder_in_use_and_a_young_one_stay(tmp_path: Path) -> None:
    young = tmp_path / "render-young"
    young.mkdir()
    with workspace(tmp_path) as used:
        _age(used)
        with workspace(tmp_path):
            assert used.exists()
            assert young.exists()
