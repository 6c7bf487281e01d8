from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitops_agent.toolchain import go as toolchain
from gitops_agent.toolchain.progress import Lines, Silent

pytestmark = pytest.mark.slow


def _fake_go(folder: Path, version: str) -> Path:
    path = folder / "go"
    path.write_text(f"#!/bin/sh\necho go{version}\n")
    path.chmod(0o755)
    return path


def test_the_module_says_which_go_it_needs() -> None:
    assert toolchain.required() >= (1, 26)


def test_a_go_on_path_that_is_new_enough_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go = _fake_go(tmp_path, "1.99.1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert toolchain.find_go(Silent(), cache=tmp_path / "cache") == go


def test_an_old_go_is_passed_over_for_the_one_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_go(tmp_path, "1.19")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    cached = tmp_path / "cache" / f"go-{toolchain._pinned()}" / "go" / "bin"
    cached.mkdir(parents=True)
    go = _fake_go(cached, "1.26.6")
    assert toolchain.find_go(Silent(), cache=tmp_path / "cache") == go


@pytest.mark.parametrize(("text", "version"), [("1.26.8", (1, 26, 8)), ("1.27rc1", (1, 27)), ("weird", (0,))])
def test_versions_are_compared_as_numbers(text: str, version: tuple[int, ...], tmp_path: Path) -> None:
    assert toolchain.version_of(_fake_go(tmp_path, text)) == version


def test_the_environment_holds_proxies_and_go_settings_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name not in {"PATH", "HOME"}:
            monkeypatch.delenv(name)
    for name in (
        "GOPROXY",
        "GOFLAGS",
        "https_proxy",
        "NO_PROXY",
        "PIP_INDEX_URL",
        "KUBECONFIG",
        "AWS_SECRET_ACCESS_KEY",
        "GOOGLE_TOKEN",
    ):
        monkeypatch.setenv(name, "x")
    assert set(toolchain.environment()) == {
        *("HOME", "GOPROXY", "GOFLAGS", "https_proxy", "NO_PROXY", "PIP_INDEX_URL", "GOTOOLCHAIN")
    }


def test_the_pinned_go_is_new_enough_for_the_module() -> None:
    assert toolchain._numbers(toolchain._pinned()) >= toolchain.required()


@pytest.mark.e2e
def test_without_a_go_the_pinned_one_is_installed_and_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    lines: list[str] = []
    go = toolchain.find_go(Lines(lines.append), cache=tmp_path)
    assert toolchain.version_of(go) == toolchain._numbers(toolchain._pinned())
    assert "installing Go" in lines[0]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [f"go-{toolchain._pinned()}"]


def test_an_unusable_index_is_reported_with_what_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(toolchain.NoGo, match=r"no Go 1\.26"):
        toolchain.find_go(Silent(), cache=tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.is_dir()]
