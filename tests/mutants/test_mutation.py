"""What single mutations of a module are, and how one takes effect."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tests.mutants.mutation import mutations
from tests.mutants.runner import exchange

_MODULE = '''
"""Numbers."""

LIMIT = 3


class Counter:
    """Counts."""

    def full(self, count: int, closed: bool = False) -> bool:
        """Whether the limit is reached, or it is closed."""
        if closed and count:
            raise ValueError("closed at 0 < 1")
        return count >= LIMIT
'''


def changes(tmp_path: Path, body: str) -> set[tuple[str, str]]:
    module = tmp_path / "sample.py"
    module.write_text(f"def sample(a, b):\n    {body}\n")
    return {(mutation.before, mutation.after) for mutation in mutations(module)}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("return a < b", {("a < b", "a <= b")}),
        ("return a is not b", {("a is not b", "a is b")}),
        ("return a and b", {("a and b", "a"), ("a and b", "b")}),
        ("return not a", {("not a", "a")}),
        ("return a if b else 7", {("a if b else 7", "a"), ("a if b else 7", "7"), ("7", "8")}),
        ("return a - b", {("a - b", "a")}),
        ("return min(a, b)", {("min(a, b)", "max(a, b)")}),
        ("a.clear()", {("a.clear()", "pass")}),
        ("a[b] = b", {("a[b] = b", "pass")}),
        (
            "return replace(a, b=b, c=a)",
            {("replace(a, b=b, c=a)", "replace(a, c=a)"), ("replace(a, b=b, c=a)", "replace(a, b=b)")},
        ),
        ("return [c for c in a if c]", {("for c in a if c", "for c in a")}),
        ("raise ValueError(a < b)", set()),
        ("return 'text'", set()),
    ],
)
def test_one_place_changes_at_a_time(tmp_path: Path, body: str, expected: set[tuple[str, str]]) -> None:
    assert {(before.strip(), after.strip()) for before, after in changes(tmp_path, body)} == expected


def test_only_the_behaviour_of_functions_changes(tmp_path: Path) -> None:
    module = tmp_path / "numbers.py"
    module.write_text(_MODULE)

    assert [(mutation.function, mutation.line, mutation.before) for mutation in mutations(module)] == [
        ("Counter.full", 12, "if closed and count:\n    raise ValueError('closed at 0 < 1')"),
        ("Counter.full", 12, "closed and count"),
        ("Counter.full", 12, "closed and count"),
        ("Counter.full", 14, "count >= LIMIT"),
    ]


def test_the_changed_function_is_in_force_at_once(tmp_path: Path) -> None:
    path = tmp_path / "numbers_in_force.py"
    path.write_text(_MODULE)
    counter = _imported(path).Counter()
    assert counter.full(3)

    exchange(next(mutation for mutation in mutations(path) if mutation.before == "count >= LIMIT"))

    assert not counter.full(3)
    assert counter.full(4)


def test_a_sample_keeps_its_order_when_other_code_changes(tmp_path: Path) -> None:
    path = tmp_path / "numbers.py"
    path.write_text(_MODULE)
    ranks = {mutation.before: mutation.rank for mutation in mutations(path)}
    path.write_text(f"def other(a):\n    return a + 1\n\n{_MODULE}")

    assert ranks.items() <= {mutation.before: mutation.rank for mutation in mutations(path)}.items()


def _imported(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
