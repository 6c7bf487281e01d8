from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.docsgen.chart import COMPONENTS, files, write

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/chart"

pytestmark = pytest.mark.slow


def test_it_is_the_one_that_is_generated() -> None:
    committed = {str(path.relative_to(CHART)): path.read_text() for path in CHART.rglob("*") if path.is_file()}

    assert committed == files()


def test_every_component_has_a_value() -> None:
    folders = {
        path.parent.relative_to(ROOT / "deploy/components").as_posix()
        for path in (ROOT / "deploy/components").rglob("kustomization.yaml")
    }

    assert folders == {*COMPONENTS.values(), "write", "network/none", "network/restrict-metrics"}


def test_files_of_an_earlier_chart_are_removed(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/gone.yaml").write_text("a: 1\n")

    write(tmp_path)

    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == set(files())
