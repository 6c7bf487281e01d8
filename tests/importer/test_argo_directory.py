from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops_agent.importer.argo_directory import left_out
from gitops_agent.importer.field_table import Meaning
from tests.importer.peers import URL, Repositories
from tests.importer.trees import tree

FILES = {
    "web/web.yaml": "",
    "web/svc.yml": "",
    "web/README.md": "",
    "web/more/db.json": "",
    "chart/Chart.yaml": "",
    "chart/a/b.yaml": "",
}


def note(tmp_path: Path, path: str = "web", **directory: Any) -> tuple[Meaning, str] | None:
    raw = {"repoURL": URL, "targetRevision": "main", "path": path, "directory": directory}
    remark = left_out(raw, path, Repositories({URL: tree(tmp_path, FILES)}))
    return None if remark is None else (remark.meaning, remark.note.partition(":")[0])


@pytest.mark.parametrize(
    ("directory", "files"),
    [
        ({}, "more/db.json"),
        ({"recurse": True, "exclude": "*.yml"}, "svc.yml"),
        ({"recurse": True, "exclude": "{svc.yml,more/*}"}, "more/db.json, svc.yml"),
        ({"recurse": True, "include": "*.y*ml"}, "more/db.json"),
        ({"recurse": True, "exclude": "[ws]*.y?ml"}, "web.yaml"),
    ],
    ids=["no recursion", "exclude", "alternatives", "include", "classes"],
)
def test_files_that_argo_leaves_out_are_named(tmp_path: Path, directory: dict[str, Any], files: str) -> None:
    assert note(tmp_path, **directory) == (Meaning.NONE, f"Argo CD leaves out {files}")


def test_options_that_leave_nothing_out_lose_nothing(tmp_path: Path) -> None:
    assert note(tmp_path, recurse=True) is None
    assert note(tmp_path, recurse=True, exclude="*.jsonnet") == (Meaning.SAME, "it leaves no manifest out")


def test_a_chart_reads_its_files_itself(tmp_path: Path) -> None:
    assert note(tmp_path, "chart") is None


def test_a_repository_that_is_not_read_may_have_files_that_are_left_out() -> None:
    raw = {"repoURL": URL, "targetRevision": "main", "directory": {"exclude": "*"}}

    remark = left_out(raw, "web", Repositories())

    assert remark is not None
    assert remark.note.startswith("the repository was not read: ")
