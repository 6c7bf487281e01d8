from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops_agent.docsgen.pictures import drawn

ROOT = Path(__file__).parents[2]
PICTURES = sorted((ROOT / "docs/images").glob("*.svg"))
TEXT = re.compile(r'<text class="terminal-r\d+" x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>')


def test_every_column_has_a_position_of_its_own() -> None:
    picture = drawn("NAME    SYNC\n\x1b[32mshop\x1b[0m    one word  <&>\n", 40)

    assert [(float(x), text) for x, _, text in TEXT.findall(picture)] == [
        (0.0, "NAME"),
        (97.6, "SYNC"),
        (0.0, "shop"),
        (97.6, "one&#160;word"),
        (219.6, "&lt;&amp;&gt;"),
    ]


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_viewer_that_collapses_blanks_moves_no_column(picture: Path) -> None:
    text = picture.read_text()

    assert '<svg class="rich-terminal" xml:space="preserve"' in text
    assert [run for _, _, run in TEXT.findall(text) if "&#160;&#160;" in run or run.startswith("&#160;")] == []
    assert "@font-face" not in text
