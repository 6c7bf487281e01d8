from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.edited_tree import EditedTree


@pytest.fixture
def tree(tmp_path: Path) -> EditedTree:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "web.yaml").write_text("old")
    (tmp_path / "app" / "other.yaml").write_text("other")
    (tmp_path / "link.yaml").symlink_to(Path("app/web.yaml"))
    return EditedTree(WorkTree(tmp_path), "app/web.yaml", b"newer")


def test_the_file_has_its_other_content(tree: EditedTree) -> None:
    assert tree.read("app/web.yaml", limit=10) == b"newer"
    assert tree.read("link.yaml", limit=10) == b"newer"
    assert tree.read("app/other.yaml", limit=10) == b"other"


def test_every_way_to_the_file_gives_its_other_entry(tree: EditedTree) -> None:
    entry = tree.entry("app/web.yaml")
    assert entry is not None
    assert entry.size == 5
    assert tree.resolve("link.yaml") == entry
    assert entry in tree.children("app")
    assert entry in list(tree.walk(""))
    assert {file.path: data for file, data in tree.files(["app", "link.yaml"], limit=100)} == {
        "app/other.yaml": b"other",
        "app/web.yaml": b"newer",
        "link.yaml": b"newer",
    }


def test_the_other_content_has_its_object_name(tree: EditedTree) -> None:
    entry = tree.entry("app/web.yaml")
    named = subprocess.run(["git", "hash-object", "--stdin"], input=b"newer", check=True, capture_output=True).stdout

    assert entry is not None
    assert entry.oid == named.decode().strip()


def test_a_limit_holds_for_the_other_content(tree: EditedTree) -> None:
    with pytest.raises(SourceError, match="larger than 3 bytes"):
        tree.read("app/web.yaml", limit=3)
