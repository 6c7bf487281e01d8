from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.renderer import Renderer, RenderLimits
from gitops_agent.render.request import rendered
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.tree import Tree
from gitops_agent.source.sources import Ref, Sources
from tests.render.samples import CHART, ask, config_map, names, put
from tests.source.author import Author

MAIN = Ref(kind="branch", value="main")


def committed(author: Author, sources: Sources, tree: str) -> Tree:
    commit = author.git("commit-tree", tree, "-m", "x")
    author.git("update-ref", "refs/heads/main", commit)
    sources.poll(author.repository, frozenset({MAIN}))
    return sources.tree(author.repository, commit)


def inputs(tree: Tree, **limits: Any) -> Inputs:
    return Inputs(tree, RenderLimits(**limits))


def test_only_what_was_asked_for_is_copied(repository: Path, tmp_path: Path) -> None:
    put(repository, {"a/x": "x", "a/y": "y", "b/z": "z", "b/deep/w": "w"})
    asked = inputs(WorkTree(repository))
    asked.file("a/x")
    asked.locate("a/y")
    asked.folder("b")
    asked.materialise(tmp_path / "copy")
    copied = sorted(str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file())
    assert copied == ["a/x", "b/deep/w", "b/z"]
    assert {path for path, _ in asked.closure.entries} == {"a/x", "a/y", "b"}


def test_what_is_absent_is_remembered_where_the_way_ends(repository: Path) -> None:
    put(repository, {"a/x": "x"})
    asked = inputs(WorkTree(repository))
    assert asked.locate("a/gone/deep") is None
    assert asked.closure.entries == {("a/gone", None)}


def test_links_are_copied_as_links_to_the_copies(repository: Path, tmp_path: Path) -> None:
    put(repository, {"real/x": "x"})
    (repository / "one").symlink_to("real")
    (repository / "two").symlink_to("one/x")
    asked = inputs(WorkTree(repository))
    entry = asked.file("two")
    assert entry is not None
    assert entry.path == "real/x"
    asked.materialise(tmp_path / "copy")
    assert (tmp_path / "copy" / "two").is_symlink()
    assert (tmp_path / "copy" / "two").read_text() == "x"


def test_a_chain_of_links_makes_the_whole_tree_an_input(repository: Path) -> None:
    put(repository, {"x": "x"})
    (repository / "one").symlink_to("x")
    (repository / "two").symlink_to("one")
    straight, chained = inputs(WorkTree(repository)), inputs(WorkTree(repository))
    straight.file("one")
    chained.file("two")
    assert "" not in {path for path, _ in straight.closure.entries}
    assert "" in {path for path, _ in chained.closure.entries}


def test_directories_linked_in_one_another_end_at_a_limit(repository: Path) -> None:
    for level in range(60):
        put(repository, {f"l{level}/.keep": ""})
        (repository / f"l{level}" / "x").symlink_to(f"../l{level + 1}")
    put(repository, {"l60/a": ""})
    with pytest.raises(AgentError, match="links to directories"):
        inputs(WorkTree(repository)).folder("l0")


def test_a_link_to_the_root_is_refused_where_it_stands(repository: Path) -> None:
    put(repository, {"app/x": "x"})
    (repository / "app" / "up").symlink_to("..")

    with pytest.raises(AgentError, match="app/up is a link to a directory it lies in"):
        inputs(WorkTree(repository)).folder("app")


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"files": 3}, None),
        ({"files": 2}, "more than 2 files"),
        ({"input_bytes": 12}, None),
        ({"input_bytes": 11}, "more than 11 bytes"),
    ],
)
def test_files_and_their_bytes_are_limited_together(repository: Path, limits: dict[str, int], words: str | None) -> None:
    put(repository, {f"app/{name}": "four" for name in "abc"})
    asked = inputs(WorkTree(repository), **limits)

    with contextlib.nullcontext() if words is None else pytest.raises(AgentError, match=words):
        asked.folder("app")


def test_a_commit_is_read_through_its_links(author: Author, sources: Sources, renderer: Renderer) -> None:
    files = {"app/kustomization.yaml": "resources: [base]\n", "real/kustomization.yaml": "resources: [a.yaml]\n"}
    files["real/a.yaml"] = config_map()
    tree = committed(author, sources, author.files(files, links={"app/base": "../real"}))
    assert names(rendered(renderer.attempt(tree, ask("app")))) == ["ConfigMap/settings"]


@pytest.mark.parametrize("form", ["plain", "helm", "kustomize"])
def test_a_submodule_is_refused_where_it_is_needed(author: Author, sources: Sources, renderer: Renderer, form: str) -> None:
    file = {"plain": "a.yaml", "helm": "Chart.yaml", "kustomize": "kustomization.yaml"}[form]
    text = {"plain": config_map(), "helm": CHART, "kustomize": "resources: [sub]\n"}[form]
    app = author.tree({file: ("100644", author.blob(text)), "sub": ("160000", "1" * 40)})
    tree = committed(author, sources, author.tree({"app": ("40000", app)}))
    with pytest.raises(AgentError) as caught:
        rendered(renderer.attempt(tree, ask("app")))
    assert caught.value.reason == "SubmodulesRefused"


def test_a_submodule_elsewhere_does_not_matter(author: Author, sources: Sources, renderer: Renderer) -> None:
    app = author.tree({"a.yaml": ("100644", author.blob(config_map()))})
    tree = committed(author, sources, author.tree({"app": ("40000", app), "sub": ("160000", "1" * 40)}))
    assert names(rendered(renderer.attempt(tree, ask("app")))) == ["ConfigMap/settings"]


@pytest.mark.slow
@pytest.mark.parametrize("place", ["app/large.yaml", "app/large.bin"])
def test_a_file_of_50_megabytes_is_refused_unread(author: Author, sources: Sources, renderer: Renderer, place: str) -> None:
    tree = committed(author, sources, author.files({"app/a.yaml": config_map(), place: b"a" * 50 * 1024 * 1024}))
    with pytest.raises(AgentError) as caught:
        rendered(renderer.attempt(tree, ask("app")))
    assert caught.value.reason == "FileTooLarge"
    assert place in caught.value.message


@pytest.mark.slow
def test_a_large_file_elsewhere_does_not_matter(author: Author, sources: Sources, renderer: Renderer) -> None:
    tree = committed(author, sources, author.files({"app/a.yaml": config_map(), "large": b"a" * 50 * 1024 * 1024}))
    assert names(rendered(renderer.attempt(tree, ask("app")))) == ["ConfigMap/settings"]
