from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from gitops_agent.cli.table import lay_out

HEADER = ("APPLICATION", "READY", "SYNC", "HEALTH", "REVISION", "MESSAGE")
STATES, REVISION = (1, 2, 3), (4,)
MESSAGE = "container server ended with exit code 1: no database, and nothing else is wrong with it"
ROWS = [
    ("guestbook", "False", "OutOfSync", "Progressing", "badc0de000ba → c0ffee0000c0", MESSAGE),
    ("shop", "True", "Synced", "Healthy", "c0ffee0000c0", "3 objects"),
]


def printed(width: int, header: Sequence[str] = HEADER, rows: Sequence[Sequence[str]] = ROWS) -> list[str]:
    console = Console(width=width, color_system=None)
    cells = [[Text(cell) for cell in row] for row in rows]
    with console.capture() as capture:
        console.print(lay_out([Text(cell) for cell in header], cells, width, rigid=STATES, first=REVISION))
    return [text.rstrip() for text in capture.get().splitlines()]


def test_a_wide_terminal_has_a_line_a_row() -> None:
    header, *rows = printed(200)

    assert header == "APPLICATION  READY  SYNC       HEALTH       REVISION                     MESSAGE"
    assert [row.split()[0] for row in rows] == ["guestbook", "shop"]


def test_a_terminal_with_room_for_the_message_folds_it_in_its_column() -> None:
    header, *rows = printed(110)

    assert header.endswith("MESSAGE")
    assert len(rows) == 4


@pytest.mark.parametrize("width", [60, 50])
def test_a_narrow_terminal_keeps_the_states_and_prints_the_message_below(width: int) -> None:
    lines = printed(width)

    assert all(cell_len(line) <= width for line in lines)
    assert lines[0].split()[1:4] == ["READY", "SYNC", "HEALTH"]
    assert lines[1].split()[1:4] == ["False", "OutOfSync", "Progressing"]
    assert lines[2].startswith("  container server ended")
    below = [line.strip() for line in lines if line.startswith("  ")]
    assert " ".join(below[:-1]) == MESSAGE
    assert below[-1] == "3 objects"


def test_revisions_shrink_before_names() -> None:
    lines = printed(70)

    assert lines[1].startswith("guestbook    False  OutOfSync  Progressing  ")
    assert "…" in lines[1]


@given(
    width=st.integers(40, 120),
    rows=st.lists(st.tuples(*[st.text("abé漢 ", max_size=30)] * 5, st.text("abc ", max_size=200)), min_size=1, max_size=4),
)
def test_nothing_is_wider_than_the_terminal_and_no_message_is_lost(width: int, rows: list[tuple[str, ...]]) -> None:
    header = [Text(cell) for cell in HEADER]
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        console.print(lay_out(header, [[Text(cell) for cell in row] for row in rows], width, first=REVISION))
    lines = capture.get().splitlines()

    assert all(cell_len(line) <= width for line in lines)
    printed_letters = "".join(lines).replace(" ", "")
    for row in rows:
        assert all(word[0] in printed_letters for word in row[-1].split())
