from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.render.renderer import Rendered, Renderer
from gitops_agent.render.request import RenderRequest, rendered
from gitops_agent.render.worker.client import local_workers
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.pinned_tree import PinnedTree
from gitops_agent.revision.remote_base import BASES, RemoteBase
from gitops_agent.revision.tree import Tree
from gitops_agent.source.sources import Ref, Sources
from tests.render.samples import ask, config_map, deployment, names, put
from tests.source.author import Author

pytestmark = pytest.mark.slow

URL = "https://example.com/org/base"
SHA = "f" * 40


class Bases:
    """Commits of real repositories under other addresses."""

    def __init__(self, sources: Sources, folder: Path) -> None:
        self._sources, self._folder = sources, folder
        self.trees: dict[RemoteBase, Tree] = {}

    def add(self, files: Mapping[str, str | bytes], url: str = URL, links: Mapping[str, str] | None = None) -> RemoteBase:
        author = Author(self._folder / f"{len(self.trees)}.git")
        commit = author.commit(files, links=links)
        self._sources.poll(author.repository, frozenset({Ref(kind="commit", value=commit)}))
        base = RemoteBase(url, commit)
        self.trees[base] = self._sources.tree(author.repository, commit)
        return base

    def tree(self, base: RemoteBase) -> Tree | None:
        return self.trees.get(base)


@pytest.fixture
def bases(sources: Sources, tmp_path: Path) -> Bases:
    (tmp_path / "bases").mkdir()
    return Bases(sources, tmp_path / "bases")


@pytest.fixture
def build(repository: Path, renderer: Renderer, bases: Bases) -> Callable[..., Rendered]:
    """Renders `app` of a repository."""

    def do(text: str, files: Mapping[str, str | bytes] | None = None, request: RenderRequest | None = None) -> Rendered:
        put(repository, {"app/kustomization.yaml": text, **(files or {})})
        return rendered(renderer.attempt(PinnedTree(WorkTree(repository), BASES, bases), request or ask("app")))

    return do


Build = Callable[..., Rendered]


def test_a_pinned_base_is_rendered(build: Build, bases: Bases) -> None:
    base = bases.add(
        {
            "web/kustomization.yaml": "resources: [web.yaml, ../shared]\n",
            "web/web.yaml": deployment(),
            "shared/kustomization.yaml": "resources: [s.yaml]\n",
            "shared/s.yaml": config_map("shared"),
        }
    )
    text = f"resources: ['{URL}//web?ref={base.commit}', own.yaml]\nnamePrefix: x-\n"

    result = build(text, {"app/own.yaml": config_map("own")})

    assert sorted(names(result)) == ["ConfigMap/x-own", "ConfigMap/x-shared", "Deployment/x-web"]


def test_patches_and_components_work_on_it(build: Build, bases: Bases) -> None:
    base = bases.add(
        {
            "kustomization.yaml": "resources: [web.yaml]\n",
            "web.yaml": deployment(),
            "c/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n",
        }
    )
    text = f"""\
resources: ['git::{URL}?ref={base.commit}']
components: ['{URL}//c?ref={base.commit}']
patches:
- target: {{kind: Deployment}}
  patch: '[{{"op": "add", "path": "/spec/replicas", "value": 3}}]'
"""

    result = build(text)

    assert [(m.key.name, m.obj["spec"]["replicas"]) for m in result.manifests] == [("web-c", 3)]


def test_a_base_may_build_on_another_one(build: Build, bases: Bases) -> None:
    inner = bases.add({"kustomization.yaml": "resources: [i.yaml]\n", "i.yaml": config_map("inner")}, url=f"{URL}/inner.git")
    outer = bases.add({"kustomization.yaml": f"resources: ['{URL}/inner.git?ref={inner.commit}']\nnamePrefix: o-\n"})

    assert names(build(f"resources: ['{URL}?ref={outer.commit}']\n")) == ["ConfigMap/o-inner"]


def test_the_closure_holds_what_was_read_of_it(build: Build, bases: Bases, repository: Path) -> None:
    base = bases.add({"kustomization.yaml": "resources: [w.yaml]\n", "w.yaml": config_map("w"), "other": "x"})
    closure = build(f"resources: ['{URL}?ref={base.commit}']\n").closure

    paths = {path for path, oid in closure.entries if oid}
    assert {f"{base.path}/kustomization.yaml", f"{base.path}/w.yaml"} <= paths
    assert f"{base.path}/other" not in paths
    assert closure.holds(PinnedTree(WorkTree(repository), BASES, bases))


def test_workers_render_it_too(repository: Path, bases: Bases) -> None:
    base = bases.add({"kustomization.yaml": "resources: [w.yaml]\n", "w.yaml": config_map("w")})
    put(repository, {"kustomization.yaml": f"resources: ['{URL}?ref={base.commit}']\n"})

    with local_workers() as workers:
        result = workers.render(PinnedTree(WorkTree(repository), BASES, bases), ask(""))

    assert names(result) == ["ConfigMap/w"]


def error_of(build: Build, text: str, files: Mapping[str, str | bytes] | None = None) -> AgentError:
    with pytest.raises(AgentError) as caught:
        build(text, files)
    return caught.value


def test_what_is_not_fetched_yet_is_a_reason_of_its_own(build: Build) -> None:
    error = error_of(build, f"resources: ['{URL}?ref={SHA}']\n")

    assert error.reason == "RemoteBaseMissing"
    assert "app/kustomization.yaml: resources" in error.message


@pytest.mark.parametrize(
    ("ref", "words"), [("?ref=main", "it names 'main'"), ("", "it names none"), (f"?ref={SHA[:12]}", "it names 'f")]
)
def test_what_is_not_pinned_is_refused_with_what_to_write(build: Build, ref: str, words: str) -> None:
    error = error_of(build, f"resources: ['{URL}//web{ref}']\n")

    assert error.reason == "RemoteBase"
    assert error.message.startswith(f"app/kustomization.yaml: resources: {URL}//web{ref} is not pinned to a commit ({words}")
    assert "write ?ref= and the 40 digits of a commit, as in https://github.com/org/repo//path?ref=COMMIT" in error.message


@pytest.mark.parametrize(
    "text",
    [
        f"resources: ['http://example.com/org/base?ref={SHA}']",
        f"crds: ['{URL}//crd.json?ref={SHA}']",
        f"patches: [{{path: '{URL}//p.yaml?ref={SHA}'}}]",
        f"transformers: ['{URL}//t?ref={SHA}']",
        "resources: ['https://example.com/raw.yaml']",
    ],
)
def test_other_remote_files_stay_refused(build: Build, text: str) -> None:
    assert error_of(build, text).reason == "RemoteBase"


@pytest.mark.parametrize("path", ["../../../own", "../../own", f"../../{RemoteBase(URL, SHA).name}/web"])
def test_a_base_reads_nothing_outside_its_repository(build: Build, bases: Bases, path: str) -> None:
    base = bases.add({"web/kustomization.yaml": f"resources: ['{path}']\n"})

    error = error_of(build, f"resources: ['{URL}//web?ref={base.commit}']\n", {"own/kustomization.yaml": "resources: []\n"})

    assert error.reason == "PathEscapes"


def test_a_directory_that_is_not_there_is_named(build: Build, bases: Bases) -> None:
    base = bases.add({"web/kustomization.yaml": "resources: []\n", "file": "x"})

    for path in ("gone", "file"):
        error = error_of(build, f"resources: ['{URL}//{path}?ref={base.commit}']\n")
        assert error.reason == "FileNotFound"
        assert f"{path} is no directory of {URL} at {base.commit[:12]}" in error.message


def test_errors_of_kustomize_name_the_address(build: Build, bases: Bases) -> None:
    base = bases.add({"kustomization.yaml": "resources: [w.yaml]\nunknownField: 1\n", "w.yaml": config_map("w")})

    error = error_of(build, f"resources: ['{URL}?ref={base.commit}']\n")
    assert ".remote-bases" not in error.message


def test_there_are_limits(build: Build, bases: Bases) -> None:
    rows = "".join(f"- https://example.com/org/r{number}?ref={SHA}\n" for number in range(21))
    base = bases.add({"kustomization.yaml": "resources: []\n"})
    bases.trees |= {RemoteBase(f"https://example.com/org/r{number}", SHA): bases.trees[base] for number in range(21)}

    assert error_of(build, f"resources:\n{rows}").reason == "RenderTooLarge"
    assert error_of(build, f"resources: ['https://example.com/{'o' * 200}/r?ref={SHA}']\n").reason == "RenderTooLarge"
