"""A tree behind a socket is the same tree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.render.worker.remote_tree import RemoteTree
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.tree import Tree
from gitops_agent.source.sources import Sources
from tests.render.samples import put
from tests.source.author import Author
from tests.source.conftest import MAIN

pytestmark = pytest.mark.slow

Remote = Callable[[Tree, str], RemoteTree]

FILES: dict[str, str | bytes] = {
    "apps/shop/kustomization.yaml": "resources: [a.yaml]\n",
    "apps/shop/a.yaml": "a: 1\n",
    "apps/shop/deep/b.yaml": "b: 2\n",
    "apps/desk/a.yaml": "a: 2\n",
    "apps/shop/large.bin": b"x" * 400_000,
    "apps/shop/lfs": "version https://git-lfs.github.com/spec/v1\noid sha256:" + "a" * 64 + "\nsize 1\n",
    **{f"many/{number}.yaml": f"n: {number}\n" for number in range(150)},
    "many/inner/x": "x",
}
LINKS = {
    "apps/shop/base": "../../many/inner",
    "apps/shop/file": "a.yaml",
    "apps/shop/gone": "nowhere",
    "apps/shop/out": "../../../etc",
    "apps/shop/loop": "loop",
}
PATHS = [
    *FILES,
    *LINKS,
    "",
    ".",
    "..",
    "/etc",
    "apps",
    "apps/shop",
    "apps/shop/deep",
    "apps/./shop",
    "apps/desk/../shop/a.yaml",
    "many",
    "many/inner",
    "apps/none",
    "apps/shop/none/below",
    "apps/shop/a.yaml/below",
    "apps/shop/base/x",
    "apps/shop/gone/x",
    "apps/shop/base",
    "none",
]
STARTS = ["apps/shop", "", "many", "none", "apps/shop/base", "apps/shop/a.yaml", "../x"]


@pytest.fixture(params=["git", "folder"])
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    if request.param == "git":
        sources: Sources = request.getfixturevalue("sources")
        author: Author = request.getfixturevalue("author")
        commit = author.commit(FILES, links=LINKS)
        sources.poll(author.repository, frozenset({MAIN}))
        return sources.tree(author.repository, commit)
    folder = tmp_path / "folder"
    put(folder, FILES)
    for path, target in LINKS.items():
        (folder / path).symlink_to(target)
    return WorkTree(folder)


def outcome(action: Callable[[], object]) -> object:
    """What an action returns, or the error it raises."""
    try:
        return action()
    except SourceError as error:
        return error.message, error.reason, error.transient, error.facts


def shown(tree: Tree, path: str) -> list[object]:
    """Everything a tree answers about a path, ids included."""

    def row(entry: object) -> object:
        names = ("path", "type", "oid", "size", "executable")
        return None if entry is None else [getattr(entry, name) for name in names]

    return [
        outcome(lambda: row(tree.entry(path))),
        outcome(lambda: row(tree.resolve(path))),
        outcome(lambda: [row(entry) for entry in tree.children(path)]),
        outcome(lambda: sorted(str(row(entry)) for entry in tree.walk(path))),
        outcome(lambda: tree.read(path, limit=500_000)),
        outcome(lambda: tree.read(path, limit=3)),
        outcome(lambda: [(entry.path, entry.executable, data) for entry, data in tree.files([path], limit=1_000_000)]),
    ]


@pytest.mark.parametrize("start", STARTS)
def test_every_question_has_the_same_answer(tree: Tree, remote: Remote, start: str) -> None:
    far = remote(tree, start)
    assert far.commit == tree.commit
    for path in PATHS:
        assert shown(far, path) == shown(tree, path), path


def test_a_small_directory_costs_no_question(tmp_path: Path, remote: Remote) -> None:
    put(tmp_path, {"app/a.yaml": "a: 1\n", "app/deep/b.yaml": "b: 2\n"})
    far = remote(WorkTree(tmp_path), "app")
    far._channel.close()

    assert far.read("app/deep/b.yaml", limit=100) == b"b: 2\n"
    assert far.entry("app/Chart.yaml") is None
    assert [entry.path for entry in far.walk("app")] == ["app/a.yaml", "app/deep/b.yaml"]
    assert [data for _, data in far.files(["app/a.yaml", "app/deep/b.yaml"], limit=100)] == [b"a: 1\n", b"b: 2\n"]
    file_entry = far.entry("app/a.yaml")
    assert file_entry is not None
    assert len(file_entry.oid) == 40


def test_an_empty_directory_is_there(tmp_path: Path, remote: Remote) -> None:
    (tmp_path / "app/empty").mkdir(parents=True)
    assert remote(WorkTree(tmp_path), "app").entry("app/empty") is not None
