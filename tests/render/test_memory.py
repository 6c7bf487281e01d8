"""Folders in memory and on disks are distinguished."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.render.memory import in_memory, memory_folder


def test_a_folder_that_is_not_there_is_not_in_memory(tmp_path: Path) -> None:
    assert not in_memory(tmp_path / "absent")


@pytest.mark.parametrize(("mount", "expected"), [("/proc", False), ("/dev/shm", True)])  # noqa: S108
def test_the_kind_of_file_system_decides(mount: str, expected: bool) -> None:  # noqa: FBT001
    kinds = [line.split()[2] for line in Path("/proc/mounts").read_text().splitlines() if line.split()[1] == mount]
    assert in_memory(Path(mount)) is (expected and kinds[-1:] == ["tmpfs"])


def test_the_folder_for_renders_is_in_memory() -> None:
    folder = memory_folder()
    assert folder is None or in_memory(folder)
