"""The contributor's commands and hooks, against the Makefile and pinned tools."""

from __future__ import annotations

import re
from pathlib import Path

from gitops_agent.manifest.yaml import load_all

ROOT = Path(__file__).parent.parent
MAKEFILE = (ROOT / "Makefile").read_text()
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md")


def recipe(target: str) -> str:
    """The commands of a target."""
    return re.split(r"\n(?!\t)", MAKEFILE.partition(f"\n{target}:")[2].partition("\n")[2])[0]


def test_every_printed_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
    printed = {name for page in PAGES for name in re.findall(r"(?:^|`)make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)}

    assert {"test", "test-fast", "fix", "check"} <= printed
    assert printed <= targets


def test_the_commit_hooks_run_what_make_check_runs_and_fetch_nothing() -> None:
    (config,) = load_all((ROOT / ".pre-commit-config.yaml").read_bytes(), file=".pre-commit-config.yaml")
    hooks = [hook for repo in config["repos"] for hook in repo["hooks"]]

    assert [repo["repo"] for repo in config["repos"]] == ["local"]
    assert {hook["language"] for hook in hooks} == {"system"}
    programs = {hook["entry"].split()[0] for hook in hooks}
    recipes = "".join(recipe(target) for target in re.findall(r"^check: ([\w ]+)", MAKEFILE, re.MULTILINE)[0].split())
    assert programs == {f".venv/bin/{name}" for name in re.findall(r"\$\(BIN\)/([\w-]+)", recipes)}


def test_the_fast_run_leaves_out_the_control_plane_and_slow_tests_only() -> None:
    assert '-m "not cluster and not slow"' in recipe("test-fast")
    assert re.findall(r"-m\s", recipe("test")) == []
