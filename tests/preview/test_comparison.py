from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.errors import UsageError
from gitops_agent.preview.comparison import root_of


def test_the_root_is_the_repository_a_directory_lies_in(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "apps/shop").mkdir(parents=True)

    assert root_of(tmp_path / "apps/shop") == (tmp_path, "apps/shop")
    assert root_of(tmp_path) == (tmp_path, "")


def test_a_directory_outside_of_any_repository_is_its_own_root(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()

    assert root_of(tmp_path / "plain") == (tmp_path / "plain", "")


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        root_of(tmp_path / "nothing")


def test_a_path_that_no_file_system_takes_is_refused() -> None:
    with pytest.raises(UsageError, match="File name too long"):
        root_of(Path("x" * 5000))
