from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from gitops_agent.toolchain.catalog import TOOLS
from gitops_agent.toolchain.go import find_go
from gitops_agent.toolchain.go_build import BuildFailed, build, linker_flags
from gitops_agent.toolchain.path_lookup import ask_version
from gitops_agent.toolchain.progress import Silent

pytestmark = pytest.mark.slow


def test_the_linker_sets_the_version_the_program_prints() -> None:
    flags = linker_flags(TOOLS["kube-apiserver"])
    assert flags.startswith("-s -w -X ")
    assert "-X k8s.io/component-base/version.gitVersion=v1.37.2" in flags
    assert "-X k8s.io/component-base/version.gitMinor=37" in flags
    assert "version.version=v4.3.1" in linker_flags(TOOLS["helm"])


@pytest.mark.e2e
def test_a_tool_is_built_from_the_committed_module(tmp_path: Path) -> None:
    tool = TOOLS["kustomize"]
    origin = build(tool, find_go(Silent()), tmp_path / "kustomize")
    assert origin == "built from sigs.k8s.io/kustomize/kustomize/v5"
    assert ask_version(tool, tmp_path / "kustomize") == tool.version
    assert [path.name for path in tmp_path.iterdir()] == ["kustomize"], "no scratch folder is left"


@pytest.mark.e2e
def test_a_package_outside_the_module_is_refused_with_gos_words(tmp_path: Path) -> None:
    tool = dataclasses.replace(TOOLS["kustomize"], package="example.com/nothing")
    with pytest.raises(BuildFailed, match=r"building kustomize .* failed: .*example\.com/nothing"):
        build(tool, find_go(Silent()), tmp_path / "kustomize")
    assert list(tmp_path.iterdir()) == []
