"""The architecture page against the tree: paths, features, commands and packages."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from gitops_agent.cli.main import cli

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "gitops_agent"
PAGE = re.sub(r"```.*?```", "", (ROOT / "docs/architecture.md").read_text(), flags=re.DOTALL)
MAP = PAGE.partition("## Where each feature lives")[2].partition("\n## ")[0]
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in MAP.splitlines() if line.startswith("| ")][2:]
HAND_WRITTEN = [
    page
    for page in sorted(ROOT.glob("**/*.md"))
    if page.parts[len(ROOT.parts)] in {"docs", "SECURITY.md"} and page.name != "add-a-plug-in.md"
]
NO_FEATURE = {"docs/concepts/comparison.md", "docs/how-to/add-a-plug-in.md"}


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_feature_names_code_and_tests_that_exist(row: list[str]) -> None:
    _, sources, tests = row

    assert code(sources) != []
    assert [path for path in code(sources) if not (PACKAGE / path).exists()] == []
    assert code(tests) != []
    assert [path for path in code(tests) if not (ROOT / "tests" / path).is_file()] == []


def test_every_page_of_concepts_and_how_to_is_in_the_map() -> None:
    pages = {
        path.relative_to(ROOT).as_posix()
        for folder in ("concepts", "how-to")
        for path in (ROOT / "docs" / folder).glob("*.md")
        if path.name != "README.md"
    }
    linked = {f"docs/{target}" for target in re.findall(r"\]\(([^)#]+)\)", MAP)}

    assert sorted(pages - linked - NO_FEATURE) == []


def test_every_command_is_in_the_map() -> None:
    named = {name for row in ROWS for name in code(row[0])}

    assert [name for name in cli.list_commands(click.Context(cli)) if name not in named] == []


def test_every_package_is_on_the_page() -> None:
    packages = {path.parent.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("**/__init__.py")} - {"."}
    named = [name.rstrip("/") for name in code(PAGE)]

    assert [package for package in sorted(packages) if not any(f"{name}/".startswith(f"{package}/") for name in named)] == []


@pytest.mark.parametrize("page", HAND_WRITTEN, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_module_a_page_names_exists(page: Path) -> None:
    modules = re.findall(r"`((?:gitops_agent/|tests/|benchmarks/)?[a-z_]+(?:/[a-z_]+)+\.py)`", page.read_text())
    places = (ROOT, PACKAGE, ROOT / "tests")

    assert [module for module in modules if not any((place / module).is_file() for place in places)] == []
