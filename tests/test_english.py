"""English of docstrings, comments and documentation: short, in standard terms."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent
LONGEST_FIRST_LINE = 12

INDEFINITE = r"somebody|someone|whoever|nobody|no[ -]one|anybody|anyone|everybody|what is the case"
SPOKEN = r"tells?|told|(go(es)?|going|went) back|way back|tak(es?|en) along|took along|look(s|ed)? at|other side"
WANTED = r"wish(es|ed)?|belongings?|(is|are|was|were|been|be) asked for"
BANNED = re.compile(rf"\b({INDEFINITE}|{SPOKEN}|{WANTED})\b", re.IGNORECASE)
"""Indefinite persons, and words that stand for report, roll back, abort, delete, reconcile, check, request and option."""

VAGUE = {"found", "said", "told", "wanted", "known", "made", "asked", "seen", "place", "somebody", "nobody"}
"""Names of variables that say nothing about the thing they hold."""

EMPTY = re.compile(r"^(See the module\b.*|Thread-safe\.)")
"""First lines that say nothing about the class."""

CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
"""Output of commands and names, which are contracts of their own."""


def files(folder: str, pattern: str) -> list[Path]:
    return [path.relative_to(ROOT) for path in sorted((ROOT / folder).rglob(pattern))]


MODULES = files("gitops_agent", "*.py")
BESIDE = [*files("tests", "*.py"), *files("benchmarks", "*.py")]
FOLDERS = sorted({module.parts[:2] for module in MODULES} | {module.parts[:2] for module in BESIDE})
PAGES = [*files("docs", "*.md"), Path("README.md"), Path("CONTRIBUTING.md"), Path("CHANGELOG.md")]


@cache
def tree(module: Path) -> ast.Module:
    """One parse for all tests of this process."""
    return ast.parse((ROOT / module).read_text())


def documented(module: Path) -> Iterator[tuple[str, str]]:
    """Names of the module, its classes and functions, with their docstrings."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)) is not None:
            yield getattr(node, "name", module.stem), text


def prose(module: Path) -> Iterator[tuple[int, str]]:
    """Lines of docstrings and comments, by line number."""
    source = (ROOT / module).read_text()
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from enumerate(CODE.sub("", node.value.value).splitlines(), node.lineno)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def faults(path: Path) -> list[str]:
    """Banned words of a module or page, with their lines."""
    lines = prose(path) if path.suffix == ".py" else enumerate(CODE.sub("", (ROOT / path).read_text()).splitlines(), 1)
    return [f"{path}:{number}: {match.group()}" for number, line in lines for match in BANNED.finditer(line)]


def test_first_lines_of_docstrings_are_short() -> None:
    firsts = [(module, name, text.splitlines()[0]) for module in [*MODULES, *BESIDE] for name, text in documented(module)]

    assert [f"{module}: {name}: {line}" for module, name, line in firsts if len(line.split()) > LONGEST_FIRST_LINE] == []


def test_a_docstring_stands_on_its_own() -> None:
    texts = [(module, name, text) for module in [*MODULES, *BESIDE] for name, text in documented(module)]

    assert [f"{module}: {name}" for module, name, text in texts if EMPTY.match(text)] == []


def test_no_two_classes_of_a_room_have_one_docstring() -> None:
    for folder in {module.parent for module in MODULES}:
        lines = Counter(
            ast.get_docstring(node)
            for module in MODULES
            if module.parent == folder
            for node in ast.walk(tree(module))
            if isinstance(node, ast.ClassDef)
        )
        lines.pop(None, None)
        assert [text for text, count in lines.items() if count > 1] == [], folder


@pytest.mark.parametrize("folder", FOLDERS, ids="/".join)
def test_docstrings_and_comments_use_standard_terms(folder: tuple[str, ...]) -> None:
    assert [fault for file in [*MODULES, *BESIDE] if file.parts[:2] == folder for fault in faults(file)] == []


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_variables_are_named_after_the_thing_they_hold(module: Path) -> None:
    functions = [node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef)]
    names = [node for function in functions for node in ast.walk(function) if isinstance(node, ast.Name)]
    stored = [name for name in names if isinstance(name.ctx, ast.Store)]

    assert [f"{module}:{name.lineno}: {name.id}" for name in stored if name.id in VAGUE] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_documentation_uses_standard_terms(page: Path) -> None:
    assert faults(page) == []
