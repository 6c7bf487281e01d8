from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops_agent import errors
from gitops_agent.api import reasons
from gitops_agent.api.event_type import EventType
from gitops_agent.api.reason_texts import TABLE
from gitops_agent.api.reasons import REASONS, ReasonKind, reason_of

PACKAGE = Path(errors.__file__).parent
USED = re.compile(r"""\breason(?::\s*str)?\s*=\s*["']([A-Za-z]+)["']""")


def test_every_reason_the_package_uses_is_in_the_table() -> None:
    used = {
        code: path.relative_to(PACKAGE).as_posix()
        for path in sorted(PACKAGE.rglob("*.py"))
        for code in USED.findall(path.read_text())
    }

    assert {code: path for code, path in used.items() if code not in REASONS} == {}


def test_every_error_has_a_reason_of_the_table() -> None:
    classes = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, errors.AgentError)]

    assert {error.reason for error in classes} <= set(REASONS)


@pytest.mark.parametrize("code", REASONS)
def test_a_reason_is_a_code_with_a_meaning(code: str) -> None:
    reason = REASONS[code]

    assert re.fullmatch(r"[A-Z][A-Za-z]+", code)
    assert reason.meaning.endswith(".")
    assert not reason.remedy or reason.remedy.endswith(".")


def test_no_code_stands_twice() -> None:
    assert len(TABLE) == len(REASONS)


def test_kinds_are_given_to_codes_of_the_table_and_to_each_once() -> None:
    sets = (reasons._PROGRESS, reasons._WAIT, reasons._HOLD, reasons._TRANSIENT)

    assert REASONS.keys() >= frozenset().union(*sets)
    assert sum(map(len, sets)) == len(frozenset().union(*sets))


@pytest.mark.parametrize(
    ("code", "kind", "passes"),
    [
        ("Synced", ReasonKind.PROGRESS, True),
        ("RollingOut", ReasonKind.PROGRESS, True),
        ("WaitingFor", ReasonKind.WAIT, True),
        ("MissingNamespace", ReasonKind.WAIT, True),
        ("HeldForApproval", ReasonKind.HOLD, False),
        ("RolledBack", ReasonKind.HOLD, False),
        ("WebhookUnavailable", ReasonKind.FAILURE, True),
        ("Degraded", ReasonKind.FAILURE, False),
        ("RenderFailed", ReasonKind.FAILURE, False),
        ("NotOfTheTable", ReasonKind.FAILURE, False),
    ],
)
def test_a_reason_knows_whether_it_passes_by_itself(code: str, kind: ReasonKind, *, passes: bool) -> None:
    assert (reason_of(code).kind, reason_of(code).passes) == (kind, passes)


def test_edges_are_distinguished_by_name() -> None:
    assert len({str(kind) for kind in EventType}) == len(EventType)
