from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.toolchain.cache import ToolCache
from gitops_agent.toolchain.download import ChecksumMismatch, DiskFull
from gitops_agent.toolchain.installer import Installer, WrongVersion
from gitops_agent.toolchain.progress import Lines
from tests.toolchain.releases import Publisher, publishing

_PROGRAM = b"#!/bin/sh\necho thing v1.2.3\n"


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing() as it:
        yield it


def _program(folder: Path, version: str) -> Path:
    path = folder / "thing"
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return path


def test_a_release_is_installed_once_and_then_taken_from_the_cache(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(_PROGRAM)
    lines: list[str] = []
    first = Installer(ToolCache(tmp_path), progress=Lines(lines.append)).ensure((tool,))["thing"]
    assert first.path == tmp_path / "thing-1.2.3" / "thing"
    assert first.origin == f"{publisher.url}/thing"
    assert lines[0] == "[1/1] thing 1.2.3: downloading …"
    publisher.files.clear()
    assert Installer(ToolCache(tmp_path)).ensure((tool,))["thing"] == first


def test_a_fitting_program_on_path_is_used_where_it_is(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _program(tmp_path, "1.2.9")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    program = Installer(ToolCache(tmp_path / "cache")).ensure((publisher.tool(_PROGRAM),))["thing"]
    assert (program.path, program.version, program.origin) == (path, "1.2.9", "PATH")
    assert publisher.asked == []


def test_the_cache_comes_before_path(publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = publisher.tool(_PROGRAM)
    cached = Installer(ToolCache(tmp_path / "cache")).ensure((tool,))["thing"]
    _program(tmp_path, "1.2.9")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert Installer(ToolCache(tmp_path / "cache")).find(tool) == cached


def test_force_installs_anew(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(_PROGRAM)
    cache = ToolCache(tmp_path)
    Installer(cache).ensure((tool,))
    changed = publisher.tool(_PROGRAM + b"# changed\n")
    path = Installer(cache).ensure((changed,), force=True)["thing"].path
    assert path.read_bytes().endswith(b"# changed\n")


def test_a_damaged_program_is_installed_anew(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(_PROGRAM)
    path = Installer(ToolCache(tmp_path)).ensure((tool,))["thing"].path
    path.write_bytes(b"rotten")
    Installer(ToolCache(tmp_path)).ensure((tool,))
    assert path.read_bytes() == _PROGRAM


def test_a_wrong_checksum_is_never_answered_by_a_build(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(_PROGRAM, sha256="a" * 64)
    lines: list[str] = []
    with pytest.raises(ChecksumMismatch):
        Installer(ToolCache(tmp_path), progress=Lines(lines.append)).ensure((tool,))
    assert not [line for line in lines if "building" in line]
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_a_program_that_says_another_version_is_not_installed(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(b"#!/bin/sh\necho v9.9.9\n")
    with pytest.raises(WrongVersion, match=r"should be thing 1\.2\.3 says 9\.9\.9"):
        Installer(ToolCache(tmp_path)).ensure((tool,))
    assert not [path for path in tmp_path.iterdir() if path.is_dir()]


def test_two_at_once_install_once(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(_PROGRAM)
    threads = [threading.Thread(target=lambda: Installer(ToolCache(tmp_path)).ensure((tool,))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert publisher.asked.count("/thing") == 1


def test_a_cache_that_is_no_folder_is_reported(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AgentError, match="cannot be installed into"):
        Installer(ToolCache(tmp_path / "file")).ensure((publisher.tool(_PROGRAM),))


def test_a_full_disk_leaves_what_was_there(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(_PROGRAM)
    cache = ToolCache(tmp_path)
    path = Installer(cache).ensure((tool,))["thing"].path
    bigger = publisher.tool(_PROGRAM + b"# filler\n" * 20_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DiskFull, match="no room"):
            Installer(cache).ensure((bigger,), force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == _PROGRAM
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_dir()] == ["thing-1.2.3"]
