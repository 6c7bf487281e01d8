"""Public repositories render exactly as with their own tools."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.manifest.yaml import read
from gitops_agent.render.plain import KUSTOMIZATIONS
from gitops_agent.render.renderer import KubeFacts, Rendered, Renderer
from gitops_agent.render.request import rendered
from gitops_agent.render.worktree import WorkTree
from gitops_agent.source.sources import Ref, Repository, Sources
from tests.render.samples import ask

pytestmark = [pytest.mark.timeout(1200), pytest.mark.slow]

CORPUS = Callable[[str], Path]
REPOSITORIES = ["argocd-example-apps", "flux2-kustomize-helm-example", "kube-prometheus", "podinfo"]
TESTS = {"test", "test-success", "test-failure"}
HOOKS = ("gitops-agent.dev/hook", "argocd.argoproj.io/hook", "helm.sh/hook")
HISTORY = 4
"""Commits tried besides the newest one."""


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def by_hand(tool: Path, *arguments: str, cwd: Path) -> list[Any] | None:
    """What the tool prints, None when it refuses."""
    done = subprocess.run([tool, *arguments], cwd=cwd, capture_output=True, check=False)
    if done.returncode:
        return None
    return [document.value for document in read(done.stdout, last_key_wins=True).documents]


def is_test(obj: Mapping[str, Any]) -> bool:
    hook = (obj["metadata"].get("annotations") or {}).get("helm.sh/hook", "")
    return bool(TESTS & {name.strip() for name in hook.split(",")})


def is_hook(obj: Mapping[str, Any]) -> bool:
    return any(name in (obj["metadata"].get("annotations") or {}) for name in HOOKS)


def nameless(obj: Mapping[str, Any]) -> bool:
    return "name" not in obj["metadata"]


def generated(obj: Mapping[str, Any]) -> bool:
    """Whether a hook has a name that is made from its content."""
    return nameless(obj) and "generateName" in obj["metadata"] and is_hook(obj)


def unnamed(obj: Mapping[str, Any]) -> dict[str, Any]:
    names = ("name", "generateName")
    return {**obj, "metadata": {name: value for name, value in obj["metadata"].items() if name not in names}}


def flat(objects: list[Any]) -> Iterator[Any]:
    for obj in objects:
        yield from obj["items"] if obj["kind"].endswith("List") and "items" in obj else [obj]


def places(checkout: Path) -> Iterator[tuple[str, str]]:
    """Every kustomization, chart and directory of manifests: (format, path)."""
    formats: dict[str, str] = {}
    for folder, folders, files in os.walk(checkout):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        path = "" if Path(folder) == checkout else str(Path(folder).relative_to(checkout))
        if any(path.startswith(f"{chart}/") for chart, form in formats.items() if form == "helm"):
            continue
        if set(KUSTOMIZATIONS) & set(files):
            formats[path] = "kustomize"
        elif "Chart.yaml" in files:
            formats[path] = "helm"
        elif any(name.endswith((".yaml", ".yml")) for name in files):
            formats[path] = "plain"
    below = {path: any(other.startswith(f"{path}/") and form != "plain" for other, form in formats.items()) for path in formats}
    yield from ((form, path) for path, form in formats.items() if form != "plain" or (path and not below[path]))


def expected(form: str, path: str, checkout: Path, programs: Mapping[str, Path]) -> list[Any] | None:
    if form == "kustomize":
        return by_hand(programs["kustomize"], "build", path or ".", cwd=checkout)
    if form == "helm":
        version = ("--kube-version", KubeFacts().version)
        arguments = ("template", "shop", f"./{path}", "--namespace", "shop", "--include-crds", *version)
        objects = by_hand(programs["helm"], *arguments, cwd=checkout)
        return None if objects is None else [obj for obj in objects if not is_test(obj)]
    documents: list[Any] = []
    for file in sorted((checkout / path).rglob("*.y*ml"), key=str):
        documents += [document.value for document in read(file.read_bytes()).documents]
    # An old tool's own configuration lies among the manifests of some commits, which kubectl would refuse.
    return documents if all("metadata" in obj or "items" in obj for obj in documents) else None


def fetches(checkout: Path, path: str) -> bool:
    """Whether the tool would go to the network."""
    texts = [file.read_text() for name in KUSTOMIZATIONS if (file := checkout / path / name).exists()]
    return any("github.com" in text or "://" in text for text in texts)


def same(rendered: Rendered, objects: list[Any]) -> None:
    theirs = [obj for obj in flat(objects) if not nameless(obj) or generated(obj)]
    ours = [
        unnamed(manifest.obj) if generated(obj) else manifest.obj
        for manifest, obj in zip(rendered.manifests, theirs, strict=True)
    ]
    assert ours == [unnamed(obj) if generated(obj) else obj for obj in theirs]


@pytest.mark.parametrize("name", REPOSITORIES)
def test_every_directory_renders_as_by_hand(corpus: CORPUS, name: str, programs: Mapping[str, Path], tmp_path: Path) -> None:
    checkout = corpus(name)
    commits = git(checkout, "rev-list", "--first-parent", "main").splitlines()
    step = max(1, len(commits) // (HISTORY + 1))
    worktree = tmp_path / "checkout"
    git(checkout, "worktree", "add", "-q", "--detach", str(worktree), "main")
    renderer = Renderer(scratch=tmp_path / "scratch", helm=programs["helm"], kustomize=programs["kustomize"])
    compared = 0
    for commit in commits[::step][: HISTORY + 1]:
        git(worktree, "checkout", "-q", "--detach", commit)
        tree = WorkTree(worktree)
        for form, path in places(worktree):
            if fetches(worktree, path):
                continue
            objects = expected(form, path, worktree, programs)
            if objects is None:
                with pytest.raises(RenderError):
                    rendered(renderer.attempt(tree, ask(path)))
                continue
            result = rendered(renderer.attempt(tree, ask(path)))
            assert result.format == form
            same(result, objects)
            compared += 1
    assert compared > HISTORY


@pytest.mark.parametrize("name", REPOSITORIES)
def test_a_commit_renders_like_its_checkout(corpus: CORPUS, name: str, programs: Mapping[str, Path], tmp_path: Path) -> None:
    checkout = corpus(name)
    sources = Sources(tmp_path / "cache", allow_file=True)
    try:
        repository, ref = Repository(url=f"file://{checkout}"), Ref(kind="branch", value="main")
        sources.poll(repository, frozenset({ref}))
        commit = sources.resolve(repository, ref).commit
        tree, folder = sources.tree(repository, commit), WorkTree(checkout)
        renderer = Renderer(scratch=tmp_path / "scratch", helm=programs["helm"], kustomize=programs["kustomize"])
        for _, path in places(checkout):
            try:
                over_folder = rendered(renderer.attempt(folder, ask(path)))
            except RenderError as error:
                with pytest.raises(RenderError) as caught:
                    rendered(renderer.attempt(tree, ask(path)))
                assert str(caught.value) == str(error)  # noqa: PT017 - the two errors are compared
                continue
            over_commit = rendered(renderer.attempt(tree, ask(path)))
            assert over_commit.digest == over_folder.digest
            assert over_commit.closure == over_folder.closure
            assert over_folder.closure.holds(tree)
    finally:
        sources.close()


@pytest.mark.parametrize("mode", ["none", "flux"])
def test_variables_change_nothing_but_expressions(
    corpus: CORPUS, mode: str, programs: Mapping[str, Path], tmp_path: Path
) -> None:
    checkout = corpus("podinfo")
    renderer = Renderer(scratch=tmp_path / "scratch", helm=programs["helm"], kustomize=programs["kustomize"])
    tree, variables = WorkTree(checkout), {"values": {"UNUSED": "x"}, "undefined": "error", "compatibility": mode}
    compared = 0
    for _, path in places(checkout):
        plain = rendered(renderer.attempt(tree, ask(path)))
        names = set(re.findall(r"\$\{\w+\}", "".join(json.dumps(manifest.obj) for manifest in plain.manifests)))
        if names:
            with pytest.raises(RenderError) as caught:
                rendered(renderer.attempt(tree, ask(path, variables=variables)))
            assert caught.value.reason == "UndefinedVariable"
            assert any(f"{name} has no value" in caught.value.message for name in names)
            continue
        replaced = rendered(renderer.attempt(tree, ask(path, variables=variables)))
        for before, after in zip(plain.manifests, replaced.manifests, strict=True):
            text = json.dumps(before.obj)
            assert json.dumps(after.obj) == re.sub(r"\$\{\w+:-(\w*)\}", r"\1", text)
            compared += "${" not in text
    assert compared > HISTORY
