"""Patterns and scanners of foreign text take linear time.

The module `re` lets no other thread run meanwhile.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import gitops_agent.manifest
import gitops_agent.render
import gitops_agent.render.variables
import gitops_agent.source
from gitops_agent.render import binaries
from gitops_agent.render.variables.pattern import Pattern
from gitops_agent.source.git_errors import CORRUPT

pytestmark = pytest.mark.slow

FOREIGN = (gitops_agent.render, gitops_agent.render.variables, gitops_agent.source, gitops_agent.manifest)
"""Packages that read what repositories and servers send."""

SHORT, LONG = 500, 4_000
"""Lengths that are compared. Linear time makes a ratio of 8, quadratic time one of 64."""
RATIO = 24.0
NEGLIGIBLE_SECONDS = 0.015
"""CPU time of the long text that proves linear time by itself: a quadratic pattern needs several times as much."""
_ROUNDS = 3
"""Rounds of measurements that have to agree: other load disturbs one of them, and hardly all."""

UNITS = (
    *"abx0-.:;/@?&=~^%$#!*+ \t\n\r\"'`\\|<>()[]{}_,",
    *("{{", "}}", "/*", "*/", "{{/*", '{{"', "{{`", '\\"', "a@", "@a", "//", "/a", "?a", "?a&"),
    *("a-\n", "\n-", "- ", "a ", "1.", "-a", "a: ", "a=", "refs/heads/"),
    *("${", "${a", "${a:-", "${a/", "${#a}", "$$", "${a:-}"),
    *("fatal: object ", "error: ", "object a", "Load key ", "repository '", "Connection to ", "packfile "),
)
PREFIXES = ("", "{{", "1.2.3-")
SUFFIXES = ("!",)


def modules(packages: tuple[ModuleType, ...] = FOREIGN) -> list[ModuleType]:
    names = (info.name for package in packages for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."))
    return [importlib.import_module(name) for name in sorted(names)]


def patterns_in(value: Any, place: str) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """Every compiled pattern a global holds, however deep."""
    if isinstance(value, re.Pattern):
        yield place, value
    elif isinstance(value, tuple | list | frozenset):
        for index, item in enumerate(value):
            yield from patterns_in(item, f"{place}[{index}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from patterns_in(item, f"{place}[{key}]")
    elif is_dataclass(value) and not isinstance(value, type):
        for name in (field.name for field in fields(value)):
            yield from patterns_in(getattr(value, name), f"{place}.{name}")
    elif type(value).__module__.startswith("gitops_agent.") and hasattr(value, "__dict__"):
        for name, item in vars(value).items():
            yield from patterns_in(item, f"{place}.{name}")


def patterns() -> dict[str, re.Pattern[Any]]:
    by_place: dict[str, re.Pattern[Any]] = {}
    for module in modules():
        for name, value in vars(module).items():
            place = f"{module.__name__.removeprefix('gitops_agent.')}.{name}"
            by_place.update(patterns_in(value, place))
    return {place: pattern for place, pattern in by_place.items() if not place.partition(".")[2].startswith("__")}


def scanners() -> dict[str, Callable[[Any], Any]]:
    """Functions whose only required argument is text: parsers of foreign text."""
    by_name: dict[str, Callable[[Any], Any]] = {}
    for module in modules((gitops_agent.render, gitops_agent.render.variables, gitops_agent.source)):
        if module is binaries:  # the names of our own programs, looked up on PATH
            continue
        for name, value in vars(module).items():
            if inspect.isfunction(value) and value.__module__ == module.__name__:
                needed = [
                    parameter
                    for parameter in inspect.signature(value).parameters.values()
                    if parameter.default is inspect.Parameter.empty
                ]
                if (
                    len(needed) == 1
                    and needed[0].kind is not inspect.Parameter.KEYWORD_ONLY
                    and needed[0].annotation in ("str", "bytes")
                ):
                    by_name[f"{module.__name__.removeprefix('gitops_agent.')}.{name}"] = value
    return by_name


def used(place: str) -> set[str]:
    """How its module uses a pattern.

    A pattern that is only matched at the beginning of a text need not be fast elsewhere.
    """
    owner = next(module for module in modules() if f"gitops_agent.{place}".startswith(f"{module.__name__}."))
    name = place.removeprefix(f"{owner.__name__.removeprefix('gitops_agent.')}.").partition("[")[0].partition(".")[0]
    tree = ast.parse(Path(owner.__file__ or "").read_text())
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }


CAPPED = frozenset({"manifest.quantities._PART"})
"""Patterns for texts of a few characters only, which are measured before."""

PATTERNS = {place: pattern for place, pattern in patterns().items() if place not in CAPPED}
SCANNERS = scanners()


def hostile(length: int) -> Iterator[tuple[tuple[str, str, str], str]]:
    for prefix, unit, suffix in itertools.product(PREFIXES, UNITS, SUFFIXES):
        yield (prefix, unit, suffix), prefix + unit * (length // len(unit)) + suffix


def seconds(work: Callable[[Any], Any], text: Any) -> float:
    started = time.thread_time()
    try:
        result = work(text)
        if inspect.isgenerator(result):
            for _ in result:
                pass
    except Exception:  # noqa: BLE001 - a refusal is an answer too; only its time matters here
        return time.thread_time() - started
    return time.thread_time() - started


def _grows(work: Callable[[Any], Any], short: str, text: str, *, binary: bool) -> bool:
    """Whether the time grows out of proportion to the length."""
    few = min(seconds(work, short.encode() if binary else short) for _ in range(3))
    many = min(seconds(work, text.encode() if binary else text) for _ in range(3))
    return many > NEGLIGIBLE_SECONDS and many > RATIO * few


def superlinear(work: Callable[[Any], Any], *, binary: bool) -> tuple[str, str, str] | None:
    """Hostile text whose time grows faster than its length."""
    for shape, text in hostile(LONG):
        if seconds(work, text.encode() if binary else text) > NEGLIGIBLE_SECONDS:
            prefix, unit, suffix = shape
            short = prefix + unit * (SHORT // len(unit)) + suffix
            if all(_grows(work, short, text, binary=binary) for _ in range(_ROUNDS)):
                return shape
    return None


@pytest.mark.slow
@pytest.mark.parametrize("place", sorted(PATTERNS))
def test_a_pattern_takes_linear_time(place: str) -> None:
    pattern = PATTERNS[place]

    anchored = used(place) and used(place) <= {"match", "fullmatch", "pattern"}

    def work(text: Any) -> None:
        if anchored:
            pattern.match(text)
            pattern.fullmatch(text)
        else:
            for _ in pattern.finditer(text):
                pass

    assert superlinear(work, binary=isinstance(pattern.pattern, bytes)) is None


@pytest.mark.slow
@pytest.mark.parametrize("place", sorted(SCANNERS))
def test_a_scanner_takes_linear_time(place: str) -> None:
    parameter = next(iter(inspect.signature(SCANNERS[place]).parameters.values()))

    assert superlinear(SCANNERS[place], binary=parameter.annotation == "bytes") is None


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["*a*b*c*", "?*?*a", "[a-c]*[^x]*$", "**}"])
def test_a_shell_pattern_takes_linear_time(pattern: str) -> None:
    compiled = Pattern(pattern)

    assert (
        superlinear(lambda text: (compiled.prefix(text, longest=True), compiled.suffix(text, longest=True)), binary=False)
        is None
    )


@pytest.mark.slow
def test_the_phrases_of_git_take_linear_time() -> None:
    assert superlinear(CORRUPT.find, binary=False) is None


def test_the_measure_finds_a_quadratic_pattern() -> None:
    pattern = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)

    assert superlinear(pattern.search, binary=False) is not None


def test_all_patterns_are_globals_so_that_these_tests_find_them() -> None:
    hidden = []
    for module in modules():
        path = Path(module.__file__ or "")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
                called = (node.func.value.id, node.func.attr)
                if called[0] == "re" and called[1] in {
                    "match",
                    "search",
                    "split",
                    "sub",
                    "subn",
                    "findall",
                    "finditer",
                    "fullmatch",
                }:
                    hidden.append(f"{module.__name__}: line {node.lineno}")
    assert hidden == []
