from __future__ import annotations

from pathlib import Path

from gitops_agent.render.tool_versions import ToolVersions
from tests.clock import Clock
from tests.render.programs import program

VERSION = "#!/bin/sh\necho v5.{}.0\n"


def test_a_program_is_looked_for_once_in_two_seconds(tmp_path: Path) -> None:
    time = Clock()
    versions = ToolVersions({"kustomize": program(tmp_path, VERSION.format(1))}, clock=time)
    assert versions.now() == {"kustomize": "5.1.0"}

    program(tmp_path, VERSION.format("10"))
    time.now += 1.9
    assert versions.now() == {"kustomize": "5.1.0"}

    time.now += 0.2
    assert versions.now() == {"kustomize": "5.10.0"}


def test_a_program_that_is_not_there_is_absent(tmp_path: Path) -> None:
    assert ToolVersions({"helm": tmp_path / "helm"}).now() == {"helm": "absent"}
