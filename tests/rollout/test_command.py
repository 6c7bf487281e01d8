from __future__ import annotations

import pytest

from gitops_agent.rollout.command import Command, CommandKind, read, written


@pytest.mark.parametrize("order", list(CommandKind))
def test_a_command_survives_its_annotation(order: CommandKind) -> None:
    command = Command(order=order, nonce="3f2a", hash="0123abcd", actor="alice@example.org", reason="slow")
    assert read(written(command)) == command


def test_a_command_without_hash_and_actor_is_about_whatever_runs() -> None:
    assert read('{"order": "pause", "nonce": "1"}') == Command(order=CommandKind.PAUSE, nonce="1")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "abort",
        "[]",
        '{"order": "explode", "nonce": "1"}',
        '{"order": "abort"}',
        '{"order": "abort", "nonce": ""}',
        '{"order": "abort", "nonce": 7}',
        '{"order": "abort", "nonce": "1", "actor": {"name": "x"}}',
        '{"order": "abort", "nonce": "' + "1" * 2000 + '"}',
    ],
)
def test_what_is_no_command_asks_nothing(text: str | None) -> None:
    assert read(text) is None


def test_what_is_too_long_is_cut_where_it_is_written() -> None:
    command = read(written(Command(order=CommandKind.ABORT, nonce="1", actor="a" * 500, reason="b" * 500)))
    assert command is not None
    assert (len(command.actor), len(command.reason)) == (128, 256)


def test_an_actor_cannot_break_out_of_its_line() -> None:
    command = read('{"order": "abort", "nonce": "1", "actor": "eve\\nforged line"}')
    assert command is not None
    assert command.actor == "eve forged line"


def test_as_many_characters_as_are_written_are_read() -> None:
    command = Command(order=CommandKind.ABORT, nonce="1" * 128, hash="2" * 128, actor="a" * 128, reason="b" * 256)

    assert read(written(command)) == command
