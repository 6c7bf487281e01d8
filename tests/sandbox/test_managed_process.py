from __future__ import annotations

import sys
from pathlib import Path

from gitops_agent.sandbox.managed_process import ManagedProcess
from tests.waiting import eventually


def _child(folder: Path, code: str) -> ManagedProcess:
    return ManagedProcess("thing", "1.0.0", (sys.executable, "-u", "-c", code), folder / "thing.log", (7,))


def test_a_child_that_dies_leaves_its_code_and_last_words(tmp_path: Path) -> None:
    child = _child(tmp_path, "import sys; print('all is well'); print('bang'); sys.exit(3)")
    child.start()
    eventually(child.reap)
    state = child.state()
    assert (state.alive, state.exit_code, state.last_words, state.starts) == (False, 3, "bang", 1)
    assert state.ended_at is not None
    assert not child.reap(), "its death is news only once"


def test_a_child_asked_to_stop_has_no_last_words(tmp_path: Path) -> None:
    child = _child(tmp_path, "print('ready'); input()")
    child = _child(tmp_path, "import threading; print('ready'); threading.Event().wait()")
    child.start()
    eventually(lambda: "ready" in child.tail())
    child.stop(grace_seconds=0)
    state = child.state()
    assert (state.alive, state.exit_code, state.last_words) == (False, -9, "")
    assert not child.reap()


def test_a_child_given_time_may_end_politely(tmp_path: Path) -> None:
    code = (
        "import signal, sys, threading\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "print('ready'); threading.Event().wait()"
    )
    child = _child(tmp_path, code)
    child.start()
    eventually(lambda: "ready" in child.tail())
    child.stop(grace_seconds=10)
    assert child.exit_code == 0


def test_a_child_starts_again_with_a_new_process_and_starts_only_once_at_a_time(tmp_path: Path) -> None:
    child = _child(tmp_path, "import threading; threading.Event().wait()")
    child.start()
    first = child.state().pid
    child.start()
    assert child.state().pid == first
    child.stop(grace_seconds=0)
    child.start()
    state = child.state()
    child.stop(grace_seconds=0)
    assert state.pid != first
    assert state.starts == 2


def test_a_child_that_never_started_is_harmless(tmp_path: Path) -> None:
    child = _child(tmp_path, "")
    child.kill()
    child.stop(grace_seconds=0)
    assert child.state().pid is None
    assert child.last_words() == "it wrote nothing"
