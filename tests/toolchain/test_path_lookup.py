from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.toolchain.catalog import TOOLS
from gitops_agent.toolchain.path_lookup import ask_version, find

ETCD = TOOLS["etcd"]


def _program(folder: Path, text: str) -> Path:
    path = folder / "etcd"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("version", ["3.7.0", "3.7.9"])
def test_a_program_of_the_same_minor_version_is_taken(version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _program(tmp_path, f"echo etcd Version: {version}; echo Go Version: go1.26.8")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert find(ETCD) == (path, version)


@pytest.mark.parametrize("text", ["echo etcd Version: 3.6.4", "echo etcd Version: 3.70.1", "echo what?", "exit 1"])
def test_a_program_of_another_version_or_none_is_not_taken(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path, text)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert find(ETCD) is None


def test_a_program_that_is_not_there_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find(ETCD) is None
    assert ask_version(ETCD, tmp_path / "etcd") is None
