"""English of docstrings, comments and documentation: short, in standard terms."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
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

VAGUE = {"one", "heard", "found", "said", "told", "wanted", "known", "made", "asked", "seen", "place", "somebody", "nobody"}
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


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the tests need of a module, without its tree.

    Two thousand trees in memory cost more than to parse them.

    Attributes:
        documented: names of the module, its classes and functions, with their docstrings.
        classes: the docstrings of its classes.
        stored: names that are assigned in functions, with their lines.
        texts: what stands alone as a string, with the line.
    """

    documented: list[tuple[str, str]]
    classes: list[str]
    stored: list[tuple[str, int]]
    texts: list[tuple[int, str]]


@cache
def facts(module: Path) -> Facts:
    """Parsed once for all tests of this process."""
    nodes = list(ast.walk(ast.parse((ROOT / module).read_text())))
    blocks = [node for node in nodes if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)]
    texts = [(node, ast.get_docstring(node)) for node in blocks]
    functions = [node for node in blocks if isinstance(node, ast.FunctionDef)] if module.parts[0] == "gitops_agent" else []
    names = [name for function in functions for name in ast.walk(function) if isinstance(name, ast.Name)]
    alone = [node.value for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    return Facts(
        documented=[(getattr(node, "name", module.stem), text) for node, text in texts if text is not None],
        classes=[text for node, text in texts if text is not None and isinstance(node, ast.ClassDef)],
        stored=[(name.id, name.lineno) for name in names if isinstance(name.ctx, ast.Store) and name.id in VAGUE],
        texts=[(node.lineno, node.value) for node in alone if isinstance(node.value, str)],
    )


def prose(module: Path, source: str) -> Iterator[tuple[int, str]]:
    """Lines of docstrings and comments, by line number."""
    for start, text in facts(module).texts:
        yield from enumerate(CODE.sub("", text).splitlines(), start)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def faults(path: Path) -> list[str]:
    """Banned words of a module or page, with their lines."""
    source = (ROOT / path).read_text()
    if BANNED.search(source) is None:  # hardly any file has one, and to tokenize them all takes a minute
        return []
    lines = prose(path, source) if path.suffix == ".py" else enumerate(CODE.sub("", source).splitlines(), 1)
    return [f"{path}:{number}: {match.group()}" for number, line in lines for match in BANNED.finditer(line)]


def test_first_lines_of_docstrings_are_short_and_stand_on_their_own() -> None:
    firsts = [(module, *each) for module in [*MODULES, *BESIDE] for each in facts(module).documented]
    lines = [(module, name, text.splitlines()[0]) for module, name, text in firsts]

    assert [f"{module}: {name}: {line}" for module, name, line in lines if len(line.split()) > LONGEST_FIRST_LINE] == []
    assert [f"{module}: {name}: {line}" for module, name, line in lines if EMPTY.match(line)] == []


def test_no_two_classes_of_a_room_have_one_docstring() -> None:
    for folder in {module.parent for module in MODULES}:
        texts = Counter(text for module in MODULES if module.parent == folder for text in facts(module).classes)
        assert [text for text, count in texts.items() if count > 1] == [], folder


@pytest.mark.parametrize("folder", FOLDERS, ids="/".join)
def test_docstrings_and_comments_use_standard_terms(folder: tuple[str, ...]) -> None:
    assert [fault for file in [*MODULES, *BESIDE] if file.parts[:2] == folder for fault in faults(file)] == []


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_variables_are_named_after_the_thing_they_hold(module: Path) -> None:
    assert [f"{module}:{line}: {name}" for name, line in facts(module).stored] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_documentation_uses_standard_terms(page: Path) -> None:
    assert faults(page) == []
