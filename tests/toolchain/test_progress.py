from __future__ import annotations

import io
import sys
import threading

import pytest

from gitops_agent.toolchain.progress import Lines, Live, Silent, duration, to_stderr
from tests.waiting import eventually


def test_a_step_says_when_it_begins_and_how_long_it_took() -> None:
    lines: list[str] = []
    with Lines(lines.append).step("[1/2] etcd: building"):
        assert lines == ["[1/2] etcd: building …"]
    assert len(lines) == 2
    assert lines[1].startswith("[1/2] etcd: building: 0.")


def test_a_step_that_lasts_says_so_with_its_detail() -> None:
    lines: list[str] = []
    with Lines(lines.append, interval_seconds=0.01).step("fetching") as detail:
        detail("3 of 9 MiB")
        eventually(lambda: any("3 of 9 MiB" in line for line in lines))


def test_a_failing_step_says_so_and_passes_the_error_on() -> None:
    lines: list[str] = []
    with pytest.raises(RuntimeError), Lines(lines.append).step("building"):
        raise RuntimeError
    assert "failed after" in lines[-1]
    assert not [thread for thread in threading.enumerate() if thread.name == "progress"]


def test_silence_and_the_terminal_have_the_same_form(capsys: pytest.CaptureFixture[str]) -> None:
    for progress in (Silent(), Live()):
        progress.say("[1/2] hello")
        with progress.step("[2/2] step") as detail:
            detail("half")
    assert "[1/2] hello" in capsys.readouterr().err


def test_piped_progress_is_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    to_stderr().say("hello")
    assert stream.getvalue() == "hello\n"


@pytest.mark.parametrize(("seconds", "text"), [(0.44, "0.4 s"), (12.3, "12 s"), (185.0, "3 min 05 s")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
