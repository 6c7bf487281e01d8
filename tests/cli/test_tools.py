from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gitops_agent.cli.tools import tools
from gitops_agent.errors import UsageError
from gitops_agent.toolchain.cache import ToolCache
from gitops_agent.toolchain.catalog import TOOLS
from gitops_agent.toolchain.system_packages import PACKAGES


@pytest.fixture(autouse=True)
def _empty_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


def _pretend(name: str) -> Path:
    cache, tool = ToolCache(), TOOLS[name]
    with cache.draft(tool) as folder:
        program = Path(folder) / name
        program.write_text(f"#!/bin/sh\necho {tool.version}\n")
        return cache.put(tool, program, origin="built from a test")


def test_the_list_reports_what_is_there_and_where_it_came_from() -> None:
    path = _pretend("kwok")
    result = CliRunner().invoke(tools, ["list", "-o", "json"])
    assert result.exit_code == 0
    rows = {row["name"]: row for row in json.loads(result.stdout)}
    assert list(rows) == list(TOOLS)
    assert rows["kwok"] == {
        "name": "kwok",
        "version": TOOLS["kwok"].version,
        "state": "installed",
        "from": "built from a test",
        "path": str(path),
    }
    assert rows["kube-scheduler"]["state"] == "missing"
    assert rows["kube-proxy"]["state"] == "optional"
    path.write_text("rotten")
    assert "damaged" in CliRunner().invoke(tools, ["list"]).stdout


def test_what_is_installed_is_not_installed_again() -> None:
    path = _pretend("kwok")
    result = CliRunner().invoke(tools, ["install", "kwok"])
    assert result.exit_code == 0
    assert result.stdout.strip() == str(path)


def test_verify_hashes_and_fails_on_what_is_damaged_or_missing() -> None:
    path = _pretend("kwok")
    good = CliRunner().invoke(tools, ["verify", "kwok"])
    assert good.exit_code == 0
    assert "ok, sha256" in good.stdout
    path.write_text("rotten")
    bad = CliRunner().invoke(tools, ["verify", "kwok", "kube-scheduler"])
    assert bad.exit_code == 3
    assert "differs from the receipt" in bad.stderr
    assert "kube-scheduler 1.37.2 is not installed" in bad.stderr


def test_all_brings_the_optional_tools_and_the_programs_of_the_distribution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [_pretend(name) for name in TOOLS]
    programs = [tmp_path / "bin" / name for name in PACKAGES]
    for program in programs:
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")

    result = CliRunner().invoke(tools, ["install", "--all"])

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [str(path) for path in (*paths, *programs)]
    assert CliRunner().invoke(tools, ["install", "--all", "kwok"]).exit_code == 2


def test_an_unknown_tool_is_a_usage_error() -> None:
    result = CliRunner().invoke(tools, ["install", "kubectl"])
    assert isinstance(result.exception, UsageError)
