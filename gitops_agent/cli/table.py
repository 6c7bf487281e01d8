"""Lays tables out for the width of a terminal.

The last column holds the message and folds. Where too little room is left for it, it moves below its row, and the other columns
shrink: revisions first, words of state never, because a state that cannot be read is worth less than a whole commit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

_GAP = 2
_INDENT = 2
_LEAST_MESSAGE = 24
_LEAST = 6


def lay_out(
    header: Sequence[Text],
    rows: Sequence[Sequence[Text]],
    width: int,
    *,
    rigid: Collection[int] = (),
    first: Collection[int] = (),
) -> RenderableType:
    """A borderless table that fits a width.

    Args:
        header: a cell per column.
        rows: of as many cells.
        width: of the terminal, in cells.
        rigid: the columns that never shrink.
        first: the columns that shrink before others do.
    """
    widths = [max(cell.cell_len for cell in column) for column in zip(header, *rows, strict=True)]
    room = width - sum(widths[:-1]) - _GAP * (len(widths) - 1)
    if room >= min(widths[-1], _LEAST_MESSAGE) or len(widths) == 1:
        return _folded(header, rows)
    shrunk = _shrunk(widths[:-1], width, rigid=rigid, first=first)
    return _stacked(header, rows, shrunk)


def _folded(header: Sequence[Text], rows: Sequence[Sequence[Text]]) -> RenderableType:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, _GAP, 0, 0), header_style="")
    for index, title in enumerate(header):
        last = index == len(header) - 1
        table.add_column(title, overflow="fold" if last else "ellipsis", no_wrap=not last)
    for row in rows:
        table.add_row(*row)
    return table


def _stacked(header: Sequence[Text], rows: Sequence[Sequence[Text]], widths: Sequence[int]) -> RenderableType:
    """Every row in one line, with its last cell below it."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    lines: list[RenderableType] = []
    for row in (header, *rows):
        line = Text(no_wrap=True, overflow="crop", end="\n")
        for cell, width in zip(row, widths, strict=False):
            fitted = cell.copy()
            fitted.truncate(width, overflow="ellipsis", pad=True)
            line.append_text(fitted).append(" " * _GAP)
        line.rstrip()
        lines.append(line)
        if row is not header and row[-1].plain:
            message = row[-1].copy()
            message.no_wrap, message.overflow = False, "fold"
            lines.append(Padding(message, (0, 0, 0, _INDENT)))
    return Group(*lines)


def _shrunk(widths: Sequence[int], width: int, *, rigid: Collection[int], first: Collection[int]) -> list[int]:
    """The widths that fit, where they can."""
    result = list(widths)
    excess = sum(result) + _GAP * (len(result) - 1) - width
    soft = [index for index in range(len(result)) if index not in rigid]
    for columns in ([index for index in soft if index in first], soft):
        while excess > 0:
            widest = max(columns, key=lambda index: result[index], default=None)
            if widest is None or result[widest] <= _LEAST:
                break
            result[widest] -= 1
            excess -= 1
    return result
