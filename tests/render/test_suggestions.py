from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.render.suggestions import similar
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import put

FILES = ("apps/plain/web.yaml", "apps/helm/Chart.yaml", "clusters/production/.hidden/x.yaml", "README.md")


@pytest.mark.parametrize(
    ("path", "paths"),
    [
        ("apps/plainn", ("apps/plain",)),
        ("app/helm", ("apps/helm",)),
        ("app/helm/Chart.yaml", ("apps/helm/Chart.yaml",)),
        ("apps/plain/web", ("apps/plain/web.yaml",)),
        ("apps/plain/web.yml", ("apps/plain/web.yaml",)),
        ("clusters/prod", ()),
        ("clusters/production/hidden", ()),
        ("app/other", ()),
        ("README.md/x", ()),
        ("apps/plain", ()),
        ("", ()),
    ],
)
def test_the_part_that_does_not_exist_is_compared_with_its_siblings(tmp_path: Path, path: str, paths: tuple[str, ...]) -> None:
    put(tmp_path, dict.fromkeys(FILES, ""))

    assert similar(WorkTree(tmp_path), path) == paths
