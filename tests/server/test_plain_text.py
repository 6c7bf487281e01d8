from __future__ import annotations

import pytest

from gitops_agent.server.plain_text import plain


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two\nlines\tand  blanks ", "two lines and blanks"),
        ("\x1b[31mred\x07", "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"),
        ("good\u202egnp.exe", "good\N{REPLACEMENT CHARACTER}gnp.exe"),
        ("Änderung für 東京 👩‍🔧", "Änderung für 東京 👩‍🔧"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
    ],
)
def test_what_could_change_how_a_line_reads_is_replaced(text: str, expected: str) -> None:
    assert plain(text) == expected


def test_a_long_text_is_cut() -> None:
    assert plain("x" * 200, 160) == "x" * 159 + "…"
