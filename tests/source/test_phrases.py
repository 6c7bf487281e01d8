from __future__ import annotations

import pytest

from gitops_agent.source.phrases import Phrases, ends

PHRASES = Phrases("refused|torn", ("object ", " is empty"))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("it was REFUSED", 7),
        ("x\nobject 12 is empty", 2),
        ("object object 12 is empty", 0),
        ("object 12\nobject 13 is empty", 10),
        ("object 12\n13 is empty", None),
        ("", None),
    ],
)
def test_a_gap_ends_with_its_line(text: str, place: int | None) -> None:
    assert PHRASES.find(text) == place


def test_both_ends_of_a_long_text_are_read() -> None:
    text = ends("first" + "x" * 1_000_000 + "last")

    assert len(text) < 70_000
    assert text.startswith("first")
    assert text.endswith("last")


def test_a_short_text_is_read_whole() -> None:
    assert ends("short") == "short"
