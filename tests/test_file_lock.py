from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from gitops_agent.file_lock import Busy, FileLock, held
from tests.waiting import eventually


def test_a_held_lock_is_busy_for_others(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    with FileLock(path):
        assert held(path)
        with pytest.raises(Busy):
            FileLock(path, wait=False).acquire()
    assert not held(path)


def test_a_lock_without_a_file_is_not_held(tmp_path: Path) -> None:
    assert not held(tmp_path / "nothing")


def test_a_waiting_lock_is_taken_when_its_holder_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = FileLock(path), FileLock(path)
    first.acquire()
    waiter = threading.Thread(target=second.acquire)
    waiter.start()
    first.release()
    waiter.join(60)
    assert not waiter.is_alive()
    assert held(path)
    second.release()


def test_a_holder_may_delete_the_file_without_two_holders_arising(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = FileLock(path), FileLock(path)
    first.acquire()
    waiter = threading.Thread(target=second.acquire)
    waiter.start()
    path.unlink()
    first.release()
    waiter.join(60)
    assert held(path), "the second holder's lock is on the file that lies there now"
    with pytest.raises(Busy):
        FileLock(path, wait=False).acquire()
    second.release()


@pytest.mark.slow
def test_a_folder_that_goes_while_the_lock_is_taken_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "going" / "lock"
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            with contextlib.suppress(OSError):
                path.parent.mkdir()
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    going = threading.Thread(target=come_and_go)
    going.start()
    try:
        for _ in range(2000):
            with FileLock(path):
                path.unlink()
    finally:
        over.set()
        going.join(60)


def test_a_folder_that_cannot_be_made_is_said_so_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        FileLock(tmp_path / "file" / "lock").acquire()


def test_looking_never_makes_a_free_lock_busy(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            held(path)
            over.wait(0.0005)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        for _ in range(50):
            with FileLock(path, wait=False):
                pass
    finally:
        over.set()
        looker.join()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    code = (
        "import sys, pathlib, threading; from gitops_agent.file_lock import FileLock; "
        "FileLock(pathlib.Path(sys.argv[1])).acquire(); threading.Event().wait()"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)]) as holder:
        eventually(lambda: held(path))
        holder.kill()
    assert not held(path)
