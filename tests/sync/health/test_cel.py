from __future__ import annotations

import sys
from typing import Any

import pytest

from gitops_agent.sync.health import cel
from gitops_agent.sync.health.cel import CelError, compiled, variables_of

READY = "status.conditions.filter(e, e.type == 'Ready').all(e, e.status == 'True')"


def holds(source: str, **obj: Any) -> bool:
    return compiled(source).holds(variables_of({"apiVersion": "example.com/v1", "kind": "Database", **obj}))


def test_an_expression_reads_the_object() -> None:
    assert holds(READY, status={"conditions": [{"type": "Ready", "status": "True"}]})
    assert not holds(READY, status={"conditions": [{"type": "Ready", "status": "False"}]})


@pytest.mark.parametrize(
    "source",
    [
        "!has(status.phase)",
        "status.?phase.orValue('') == ''",
        "metadata.generation == 3 && spec.size > 1.5",
        "apiVersion == 'example.com/v1' && kind == 'Database'",
        "self.summary.fail == 0",
    ],
)
def test_absent_fields_optional_fields_and_the_whole_object_can_be_read(source: str) -> None:
    assert holds(source, metadata={"generation": 3}, spec={"size": 2}, summary={"fail": 0})


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("status.phase ==", "line 1, column 16: syntax error"),
        ("status.phase == 'a' &&\n  stats.ready", "line 2, column 8: undeclared reference to 'stats.ready'"),
        ("1 + 'a' == 2", "line 1, column 3: found no matching overload"),
        ("status.phase + ''", "yields string instead of bool"),
        ("1 + 1", "yields int instead of bool"),
    ],
)
def test_a_wrong_expression_is_refused_with_its_position(source: str, words: str) -> None:
    with pytest.raises(CelError) as caught:
        compiled(source)

    assert str(caught.value).startswith(words)


@pytest.mark.parametrize(
    ("source", "status", "words"),
    [
        ("status.phase == 'a'", {}, 'key not found in map: "phase"'),
        ("status.phase > 3", {"phase": "a"}, "no matching overload"),
        ("status.phase", {"phase": "a"}, "yields string instead of bool"),
        ("status.phase", {"phase": None}, "yields null"),
        ("status.size == 1", {"size": 2**70}, "integer value"),
        ("status.?phase.orValue(status)", {}, "yields map instead of bool"),
    ],
)
def test_an_expression_that_fails_says_why(source: str, status: Any, words: str) -> None:
    with pytest.raises(CelError) as caught:
        holds(source, status=status)

    assert str(caught.value).startswith(words)


def test_iterations_are_bounded() -> None:
    with pytest.raises(CelError, match="budget exceeded"):
        holds("status.n.all(a, status.n.all(b, status.n.all(c, a + b + c >= 0)))", status={"n": list(range(100))})


@pytest.mark.parametrize(
    "status", [{"n": [0] * cel.VALUES}, {"n": "x" * (cel.CHARACTERS + 1)}, {"n" * (cel.CHARACTERS + 1): 1}]
)
def test_large_objects_are_not_evaluated(status: Any) -> None:
    with pytest.raises(CelError, match="the object has more than 5,000 values or 256 KiB of text"):
        holds("true", status=status)


def test_managed_fields_do_not_count() -> None:
    assert holds("!has(metadata.managedFields)", metadata={"name": "x", "managedFields": [{}] * cel.VALUES})


def test_an_object_with_fields_of_other_types_is_read_as_empty() -> None:
    assert holds("!has(status.phase) && kind == ''", status="odd", kind=3, metadata=[])


def test_without_the_extra_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)
    cel._environment.cache_clear()
    try:
        with pytest.raises(CelError, match=r"install gitops-agent\[cel\]"):
            compiled("true")
    finally:
        cel._environment.cache_clear()
