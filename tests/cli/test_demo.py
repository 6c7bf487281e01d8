from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run

pytestmark = pytest.mark.slow


def test_a_demo_that_cannot_run_is_an_error_and_says_why(run: Run, tmp_path: Path) -> None:
    occupied = tmp_path / "demo"
    (occupied / "plane").mkdir(parents=True)
    (occupied / "plane/somebody's.txt").write_text("keep")

    result = run("demo", "--exit", "--dir", str(occupied))

    assert result.code == 1
    assert "the story failed: " in result.stderr
    assert (occupied / "plane/somebody's.txt").read_text() == "keep"


def test_the_number_of_nodes_has_bounds(run: Run) -> None:
    assert run("demo", "--nodes", "0").code == 2
