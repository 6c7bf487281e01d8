"""Answers as Slack shows them, without meaning in any text of others.

Subjects of commits, names and messages of controllers stand in blocks of code: nothing in them mentions a channel, hides an
address behind other words, or ends its block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from gitops_agent.manifest.key import Object
from gitops_agent.notify.markup import escaped_html
from gitops_agent.server.plain_text import plain

_LINE = 400
_BLOCK = 2800
"""Letters of a block; Slack takes 3,000."""
_BLOCKS = 8
_FENCE = "```"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatReply:
    """An answer.

    Attributes:
        title: one line.
        lines: what follows, in the letters of a terminal.
    """

    title: str
    lines: tuple[str, ...] = ()


def body_of(reply: ChatReply) -> bytes:
    """The answer as only the one who asked sees it."""
    title = escaped_html(plain(reply.title, _LINE).replace("`", "'"))
    blocks: list[Object] = [_section(title)] + [_section(block) for block in _blocks(reply.lines)]
    return orjson.dumps({"response_type": "ephemeral", "replace_original": False, "text": title, "blocks": blocks})


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Rows under their headers, in columns; the last one is not padded."""
    cells = [tuple(name.upper() for name in headers), *(tuple(plain(cell, _LINE) for cell in row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*cells, strict=True)][:-1]
    return tuple(
        "  ".join([*(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in cells
    )


def _section(text: str) -> Object:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _blocks(lines: Iterable[str]) -> Iterator[str]:
    """Blocks of code, at most a few."""
    block: list[str] = []
    blocks = size = 0
    for line in lines:
        shown = escaped_html(_visible(line))
        if size + len(shown) > _BLOCK:
            yield _fenced(block)
            block, size, blocks = [], 0, blocks + 1
            if blocks == _BLOCKS:
                yield _fenced(["… and more"])
                return
        block.append(shown)
        size += len(shown) + 1
    if block:
        yield _fenced(block)


def _visible(line: str) -> str:
    """The line without invisible letters and ends of blocks."""
    shown = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in line.replace("`", "'"))
    return shown if len(shown) <= _LINE else shown[: _LINE - 1] + "…"


def _fenced(lines: list[str]) -> str:
    return "\n".join((_FENCE, *lines, _FENCE))
