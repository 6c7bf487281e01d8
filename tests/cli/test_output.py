from __future__ import annotations

import contextlib
import json
import os
import pty
import sys
from collections.abc import Callable

import click
import pytest

from gitops_agent.cli import output as out

ROWS = [("shop", "Degraded", "a long message " * 30), ("notes", "Healthy", "fine")]


def on_a_terminal(show: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal would be sent."""
    leader, follower = pty.openpty()
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "80")
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        show()
    parts = []
    with contextlib.suppress(OSError):  # the end of an abandoned terminal
        while part := os.read(leader, 65536):
            parts.append(part)
    os.close(leader)
    return b"".join(parts).decode()


def test_a_row_in_a_pipe_is_one_line_without_colours_or_trailing_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    out.table(("application", "health", "message"), ROWS)

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "APPLICATION  HEALTH    MESSAGE"
    assert len(lines) == 3
    assert not any("\x1b" in line or line != line.rstrip() for line in lines)


def test_a_terminal_gets_colours_and_folded_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    text = on_a_terminal(lambda: out.table(("application", "health", "message"), ROWS), monkeypatch)

    assert "\x1b[31mDegraded" in text
    assert len(text.splitlines()) > 3


def test_no_color_is_honoured_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    def show() -> None:
        out.table(("application", "health"), [("shop", "Degraded")])
        click.echo(out.coloured("Degraded"))

    assert "\x1b[3" not in on_a_terminal(show, monkeypatch)


def test_what_others_wrote_cannot_steer_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    evil = "fix\x1b]0;owned\x07 \x1b[2J\r\u202egpj.exe"

    text = on_a_terminal(lambda: out.table(("subject",), [(evil,)]), monkeypatch)

    assert "\x1b]0" not in text
    assert "\x1b[2J" not in text
    assert "\u202e" not in text
    assert out.line(evil).startswith("fix\N{REPLACEMENT CHARACTER}]0;owned")


def test_documents_are_json_and_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    out.document({"name": "shöp", "parts": [1, None, True]}, "json")
    assert json.loads(capsys.readouterr().out) == {"name": "shöp", "parts": [1, None, True]}

    out.document({"ready": "True"}, "yaml")
    assert capsys.readouterr().out == 'ready: "True"\n'


def test_talk_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    out.talk("look here")

    assert capsys.readouterr() == ("", "look here\n")


def test_long_texts_are_cut_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "x" * 500

    assert out.brief(text) == text
    assert "…" in on_a_terminal(lambda: click.echo(out.brief(text)), monkeypatch)
