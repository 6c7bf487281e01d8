from __future__ import annotations

import threading

import pytest

from gitops_agent.observe.thread_failures import ThreadFailures


@pytest.fixture
def failures(monkeypatch: pytest.MonkeyPatch) -> ThreadFailures:
    """Installed until the end of the test."""
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    failures = ThreadFailures()
    failures.install()
    return failures


def ended(name: str, error: BaseException) -> None:
    """Runs a thread that raises."""

    def run() -> None:
        raise error

    thread = threading.Thread(target=run, name=name)
    thread.start()
    thread.join()


def test_the_first_thread_that_dies_is_remembered_and_logged(
    failures: ThreadFailures, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failures.first == ""

    ended("watch-pods", ValueError("surprise"))
    ended("recorder", ValueError("another"))

    assert failures.first == "watch-pods"
    out, err = capsys.readouterr()
    assert "unexpected error" in out + err
    assert "surprise" in out + err


def test_a_thread_that_ends_itself_has_not_failed(failures: ThreadFailures) -> None:
    ended("worker-0", SystemExit())

    assert failures.first == ""
