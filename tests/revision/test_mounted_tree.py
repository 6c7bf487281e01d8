"""Two trees read as one."""

from __future__ import annotations

from pathlib import Path

from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.mounted_tree import MountedTree
from gitops_agent.revision.tree import Closure, EntryType


def folder(root: Path, files: dict[str, str]) -> WorkTree:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return WorkTree(root)


def mounted(tmp_path: Path, chart: dict[str, str]) -> MountedTree:
    tree = folder(tmp_path / "git", {"apps/values.yaml": "a: 1", "chart/evil.yaml": "b: 2"})
    return MountedTree(tree, "chart", folder(tmp_path / "chart", chart), "both")


def test_each_path_is_read_from_its_tree(tmp_path: Path) -> None:
    tree = mounted(tmp_path, {"Chart.yaml": "name: x", "templates/a.yaml": "c: 3"})

    assert tree.read("apps/values.yaml", limit=100) == b"a: 1"
    assert tree.read("chart/templates/a.yaml", limit=100) == b"c: 3"
    assert tree.entry("chart/evil.yaml") is None
    assert [entry.path for entry in tree.children("")] == ["apps", "chart"]
    assert [entry.path for entry in tree.children("chart")] == ["chart/Chart.yaml", "chart/templates"]
    assert [entry.path for entry in tree.walk("")] == ["apps/values.yaml", "chart/Chart.yaml", "chart/templates/a.yaml"]
    files = tree.files(["apps/values.yaml", "chart"], limit=100)
    assert {entry.path: data for entry, data in files} == {
        "apps/values.yaml": b"a: 1",
        "chart/Chart.yaml": b"name: x",
        "chart/templates/a.yaml": b"c: 3",
    }
    entry = tree.resolve("chart/templates")
    assert entry is not None
    assert (entry.path, entry.type) == ("chart/templates", EntryType.DIRECTORY)


def test_a_closure_ends_with_a_change_of_either(tmp_path: Path) -> None:
    before = mounted(tmp_path, {"Chart.yaml": "name: x"})
    paths = ("", "apps/values.yaml", "chart", "chart/Chart.yaml")
    closure = Closure(frozenset((path, entry.oid if (entry := before.entry(path)) else None) for path in paths))

    assert closure.holds(before)
    (tmp_path / "chart" / "Chart.yaml").write_text("name: y, longer")
    assert not closure.holds(mounted(tmp_path, {}))
