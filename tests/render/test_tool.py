from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.render.renderer import Rendered, Renderer, RenderLimits
from gitops_agent.render.request import rendered
from gitops_agent.render.tool import Workspace
from gitops_agent.render.worktree import WorkTree
from tests.render import programs as misbehaving
from tests.render.programs import program
from tests.render.samples import CHART, ask, config_map, put

LIMITS = RenderLimits(seconds=60, output_bytes=8 * 1024 * 1024)
FILES: Mapping[str, str] = {
    "k/kustomization.yaml": "resources: [a.yaml]\n",
    "k/a.yaml": config_map(),
    "h/Chart.yaml": CHART,
    "h/templates/a.yaml": config_map(),
}

Run = Callable[..., Rendered]


@pytest.fixture
def run(tmp_path: Path, repository: Path) -> Run:
    """Renders with a program that misbehaves."""
    put(repository, FILES)

    def do(text: str, *, path: str = "k", limits: RenderLimits = LIMITS, cancel: threading.Event | None = None) -> Rendered:
        tool = program(tmp_path / "bin", text)
        scratch = tmp_path / "scratch"
        try:
            renderer = Renderer(scratch=scratch, limits=limits, helm=tool, kustomize=tool)
            return rendered(renderer.attempt(WorkTree(repository), ask(path), cancel=cancel))
        finally:
            assert list(scratch.iterdir()) == []

    return do


@pytest.mark.slow
@pytest.mark.parametrize("path", ["k", "h"])
@pytest.mark.parametrize(
    ("text", "reason", "words"),
    [
        (misbehaving.HANGS, "RenderTimeout", "6 s"),
        (misbehaving.CRASHES, "RenderFailed", "-11"),
        (misbehaving.PRINTS_A_GIGABYTE, "RenderTooLarge", "printed more"),
        (misbehaving.COMPLAINS_AT_LENGTH, "RenderFailed", "the last line"),
        (misbehaving.FAILS, "RenderFailed", "the last line"),
        (misbehaving.FAILS_SILENTLY, "RenderFailed", "code 3"),
        (misbehaving.PRINTS_NONSENSE, "InvalidManifest", "line 1"),
    ],
    ids=["hangs", "crashes", "prints a gigabyte", "complains at length", "fails", "fails silently", "prints nonsense"],
)
def test_a_program_that_misbehaves_is_one_short_error(run: Run, text: str, reason: str, words: str, path: str) -> None:
    with pytest.raises(RenderError) as caught:
        run(text, path=path, limits=replace(LIMITS, seconds=6) if text == misbehaving.HANGS else LIMITS)
    assert caught.value.reason == reason
    assert words in caught.value.message
    assert len(caught.value.message) < 4096
    assert "\n" not in caught.value.message


def test_a_program_that_is_gone_is_said_so(repository: Path, tmp_path: Path) -> None:
    put(repository, FILES)
    with pytest.raises(RenderError) as caught:
        rendered(Renderer(scratch=tmp_path / "s", kustomize=tmp_path / "gone").attempt(WorkTree(repository), ask("k")))
    assert caught.value.reason == "ToolMissing"


def test_a_render_that_is_no_longer_needed_ends_at_once(run: Run) -> None:
    cancel = threading.Event()
    cancel.set()
    started = time.monotonic()
    with pytest.raises(RenderError, match="no longer wanted"):
        run(misbehaving.HANGS, limits=RenderLimits(seconds=600), cancel=cancel)
    assert time.monotonic() - started < 30


def test_a_real_program_finds_no_other_programs(programs: Mapping[str, Path], tmp_path: Path) -> None:
    workspace = Workspace(root=tmp_path)
    assert not Path(workspace.environment(programs["helm"])["PATH"]).exists()
    assert "PATH" not in workspace.environment(program(tmp_path, "#!/bin/sh\n"))


def test_the_program_sees_no_credentials(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/secret/kubeconfig")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter22")
    monkeypatch.setenv("GITOPS_AGENT_TOKEN", "hunter22")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")
    (manifest,) = run(misbehaving.SHOWS_ITS_ENVIRONMENT).manifests
    seen = manifest.obj["data"]
    assert seen["KUBECONFIG"] == "/dev/null"
    assert "hunter22" not in str(seen)
    assert "SSH_AUTH_SOCK" not in seen
    assert "/render-" in seen["HOME"]
    assert "127.0.0.1:9" in seen["HTTPS_PROXY"]
