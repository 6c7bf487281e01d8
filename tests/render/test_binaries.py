from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.render.binaries import find
from tests.render.programs import program


def says(version: str) -> str:
    return f"#!/bin/sh\necho {version}\n"


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without tools."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def cached(place: Path, name: str, version: str) -> Path:
    return program(place / "cache" / "gitops-agent" / "tools" / f"{name}-{version}", "#!/bin/sh\n", name)


def test_without_any_the_error_says_how_to_get_one(nothing: Path) -> None:
    with pytest.raises(RenderError, match="tools install") as caught:
        find("kustomize")
    assert caught.value.reason == "ToolMissing"


def test_the_newest_supported_one_of_the_cache_is_used(nothing: Path) -> None:
    for version in ("5.8.2", "5.10.0", "6.0.0", "4.5.7"):
        cached(nothing, "kustomize", version)
    assert find("kustomize").version == "5.10.0"


def test_one_on_path_comes_before_the_cache(nothing: Path) -> None:
    cached(nothing, "helm", "4.3.1")
    path = program(nothing / "bin", says("v3.14.2"), "helm")
    assert (find("helm").path, find("helm").version) == (path, "3.14.2")


@pytest.mark.parametrize("version", ["v3.2.0", "v3.11.3", "v5.0.0", "nonsense"])
def test_one_on_path_that_is_too_old_or_new_is_passed_over(nothing: Path, version: str) -> None:
    program(nothing / "bin", says(version), "helm")
    with pytest.raises(RenderError, match="bin/helm is version"):
        find("helm")
    cached(nothing, "helm", "4.3.1")
    assert find("helm").version == "4.3.1"


def test_a_named_one_is_used_whatever_it_says(nothing: Path) -> None:
    assert find("helm", program(nothing / "x", says("v9.9"), "helm")).version == "9.9.0"


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\nkill -9 $$\n", "#!/bin/sh\n"])
def test_one_that_reports_no_version_is_known_by_its_content(nothing: Path, text: str) -> None:
    assert find("helm", program(nothing / "x", text, "helm")).version.startswith("sha256:")


def test_a_program_that_was_replaced_is_asked_again(nothing: Path) -> None:
    path = program(nothing / "bin", says("v4.0.0"), "helm")
    assert find("helm").version == "4.0.0"
    path.write_text(says("v4.1.0"))
    os.utime(path, ns=(1, 1))
    assert find("helm").version == "4.1.0"


def test_a_file_that_cannot_be_run_is_no_program(nothing: Path) -> None:
    path = program(nothing / "x", "text", "helm")
    path.chmod(0o644)
    with pytest.raises(RenderError, match="no program"):
        find("helm", path)
