"""The real programs, a repository folder and a renderer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.render.renderer import Rendered, Renderer, RenderRequest
from gitops_agent.render.request import rendered
from gitops_agent.render.worktree import WorkTree
from gitops_agent.source.sources import Sources
from gitops_agent.toolchain.catalog import selected
from gitops_agent.toolchain.installer import Installer
from tests.corpus import clone
from tests.render.samples import put
from tests.source.author import Author


@pytest.fixture(scope="session")
def programs() -> Mapping[str, Path]:
    """The real helm and kustomize."""
    return {name: program.path for name, program in Installer().ensure(selected(("helm", "kustomize"))).items()}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    return folder


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path / "served" / "config.git")


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    opened = Sources(tmp_path / "cache", allow_file=True)
    yield opened
    opened.close()


@pytest.fixture
def renderer(tmp_path: Path, programs: Mapping[str, Path]) -> Iterator[Renderer]:
    scratch = tmp_path / "scratch"
    yield Renderer(scratch=scratch, helm=programs["helm"], kustomize=programs["kustomize"])
    assert not scratch.exists() or not list(scratch.iterdir()), "a render left files behind"


@pytest.fixture
def render(repository: Path, renderer: Renderer) -> Callable[..., Rendered]:
    """Writes files and renders a request."""

    def do(request: RenderRequest, files: Mapping[str, str | bytes] | None = None) -> Rendered:
        put(repository, files or {})
        return rendered(renderer.attempt(WorkTree(repository), request))

    return do


@pytest.fixture
def refusal(render: Callable[..., Rendered]) -> Callable[..., RenderError]:
    """The error of a render that must fail."""

    def do(request: RenderRequest, files: Mapping[str, str | bytes] | None = None) -> RenderError:
        with pytest.raises(RenderError) as caught:
            render(request, files)
        assert "\n" not in caught.value.message
        assert len(caught.value.message) < 4096
        return caught.value

    return do


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Clones of public repositories."""
    clones = tmp_path_factory.mktemp("corpus")
    return lambda name: clone(name, clones / name)
