"""Draws a recorded terminal session as an SVG picture for the documentation.

Usage: `python -m gitops_agent.docsgen.pictures OUT.svg COLUMNS < RECORDING`, where the recording is what commands print on a
terminal of that width, colours included.

Rich draws a line as few long texts in which blanks hold the columns apart. Viewers that collapse blanks, or have another font,
move these columns. So here every run of text has a position of its own, and blanks are kept.
"""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

_TEXT = re.compile(
    r'<text class="(?P<style>[^"]+)" x="(?P<x>[0-9.]+)" (?P<y>y="[0-9.]+") textLength="[0-9.]+" (?P<clip>[^>]*)>'
    r"(?P<text>[^<]*)</text>"
)
_RUN = re.compile(r"[^\xa0]+(?:\xa0[^\xa0]+)*")
_CELL = 12.2
"""Width of a character cell in the pictures of Rich."""


def drawn(recording: str, columns: int) -> str:
    """The picture of a terminal with this text."""
    from rich.console import Console
    from rich.text import Text

    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, width=columns, file=nowhere, force_terminal=True)
        console.print(Text.from_ansi(recording), overflow="fold")
        return positioned(console.export_svg(title="gitops-agent", unique_id="terminal"))


def positioned(svg: str) -> str:
    """The picture with a position for each run of text."""
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace(
        "font-family: Fira Code, monospace;", "font-family: 'Fira Code', 'DejaVu Sans Mono', Menlo, Consolas, monospace;"
    )
    svg = svg.replace('<svg class="rich-terminal"', '<svg class="rich-terminal" xml:space="preserve"', 1)
    return _TEXT.sub(_split, svg)


def _split(match: re.Match[str]) -> str:
    """The runs of one text, without the blanks around them."""
    line = html.unescape(match["text"])
    texts = []
    for run in _RUN.finditer(line.rstrip("\n")):
        x = float(match["x"]) + run.start() * _CELL
        text = html.escape(run.group(), quote=False).replace("\xa0", "&#160;")
        length = len(run.group()) * _CELL
        texts.append(
            f'<text class="{match["style"]}" x="{x:g}" {match["y"]} textLength="{length:g}" {match["clip"]}>{text}</text>'
        )
    return "\n".join(texts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(drawn(sys.stdin.read(), int(sys.argv[2])))
