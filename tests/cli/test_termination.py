"""Signals that end the agent, whatever thread the kernel hands them to."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import signal, sys, threading
from gitops_agent.cli.termination import on_termination

ended, others = threading.Event(), threading.Event()
on_termination(ended.set)
other = threading.Thread(target=others.wait, daemon=True)
other.start()

def send():
    while not ended._cond._waiters:
        others.wait(0.01)
    signal.pthread_kill(other.ident, int(sys.argv[1]))

threading.Thread(target=send, daemon=True).start()
ended.wait()
print("ended")
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_that_another_thread_gets_ends_a_main_thread_that_waits(number: signal.Signals) -> None:
    argv = [sys.executable, "-c", PROGRAM, str(int(number))]
    result = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)

    assert result.stdout == "ended\n"
