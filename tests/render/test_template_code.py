from __future__ import annotations

import pytest

from gitops_agent.render.template_code import code_of


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("a {{ now }} b", ["now"]),
        ("{{now}}{{ago}}", ["now", "ago"]),
        ("{{/* now */}}", []),
        ('{{ f "}}" now }}', ["f", "now"]),
        ("{{ f `}} {{` now }}", ["f", "now"]),
        ('{{ f "\\"" now }}', ["f", "now"]),
        ("{{ f }} {{ now", ["f"]),
        ('{{ f "now\n" }} {{ ago }}', ["f"]),
        ("{{ f /* now }} {{ ago }}", ["f"]),
        ("no action }}", []),
    ],
)
def test_comments_and_strings_are_no_code(text: str, code: list[str]) -> None:
    assert code_of(text).split() == code
