from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.sandbox.demo.story import scratch


def test_scratch_is_taken_away_whatever_happens() -> None:
    with pytest.raises(FileNotFoundError), scratch(None) as folder:
        (folder / "no" / "such").write_text("x")

    assert not folder.exists()


def test_a_named_folder_is_kept(tmp_path: Path) -> None:
    with scratch(tmp_path / "kept") as folder:
        (folder / "file").write_text("x")

    assert (tmp_path / "kept" / "file").read_text() == "x"
