from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from gitops_agent.errors import ProcessError
from gitops_agent.process import Limits, environment, kill_group, redact, run, spawn
from tests.sandbox.processes import none_running, running
from tests.waiting import eventually

pytestmark = pytest.mark.slow

MEBIBYTE = 1024 * 1024
SOON = Limits(seconds=0.3)


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


def failure(script: str, **options: object) -> ProcessError:
    with pytest.raises(ProcessError) as caught:
        run(sh(script), **options)  # type: ignore[arg-type]
    return caught.value


def test_a_program_gives_its_output_its_errors_and_its_code() -> None:
    done = run(sh("echo out; echo err >&2; exit 3"), allowed=frozenset({3}))

    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", "err\n", 3)


def test_a_failure_is_reported_with_the_last_words() -> None:
    error = failure("echo said; echo first >&2; echo 'the cause' >&2; echo >&2; exit 7")

    assert error.message == "sh ended with code 7: the cause"
    assert (error.returncode, error.stdout, error.cause) == (7, "said\n", "exit")


def test_death_by_a_signal_is_a_negative_code() -> None:
    assert failure("kill -SEGV $$").returncode == -signal.SIGSEGV


def test_a_program_that_is_not_there_is_an_error_like_any_other() -> None:
    with pytest.raises(ProcessError) as caught:
        run(("no-such-program",))

    assert (caught.value.cause, caught.value.returncode) == ("start", None)


def test_a_folder_that_is_not_there_is_one_too(tmp_path: Path) -> None:
    assert failure("true", cwd=tmp_path / "gone").cause == "start"


def test_it_runs_in_the_given_folder(tmp_path: Path) -> None:
    assert run(("pwd",), cwd=tmp_path).stdout.decode().strip() == str(tmp_path.resolve())


def test_no_word_is_taken_by_a_shell(tmp_path: Path) -> None:
    assert run(("echo", "$HOME; rm -rf *", "`id`")).stdout == b"$HOME; rm -rf * `id`\n"


def test_tokens_of_ours_are_not_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere")
    monkeypatch.setenv("GITHUB_TOKEN", "very-secret")
    monkeypatch.setenv("HOME", "/root")

    names = {line.partition("=")[0] for line in run(("env",), env={"EXTRA": "1"}).stdout.decode().splitlines()}

    assert names == set(environment()) | {"EXTRA"}
    assert not names & {"KUBECONFIG", "GITHUB_TOKEN", "HOME"}


def test_nothing_prompts_on_a_terminal() -> None:
    assert run(sh("cat; if read x < /dev/tty; then echo asked; fi"), allowed=frozenset({0, 1, 2})).stdout == b""


def test_large_input_and_output_do_not_block_each_other() -> None:
    data = os.urandom(3 * MEBIBYTE)

    assert run(("cat",), stdin=data).stdout == data


def test_a_program_may_leave_its_input_unread() -> None:
    assert run(("true",), stdin=b"x" * MEBIBYTE).returncode == 0


def test_a_program_that_hangs_is_killed() -> None:
    error = failure("sleep 600", limits=SOON)

    assert error.cause == "timeout"
    assert "still running after 0.3 s" in error.message


def test_a_program_that_hangs_after_closing_its_output_is_killed() -> None:
    assert failure("exec >&- 2>&-; sleep 600", limits=SOON).cause == "timeout"


def test_a_program_that_says_nothing_for_too_long_is_killed() -> None:
    error = failure("echo begun; sleep 600", limits=Limits(idle_seconds=0.3))

    assert error.cause == "timeout"
    assert "made no progress" in error.message


@pytest.mark.slow
def test_a_program_that_goes_on_talking_may_take_its_time() -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; sleep 0.3; done"

    assert run(sh(script), limits=Limits(idle_seconds=2.0)).stdout.split()[-1] == b"9"


def test_a_program_that_prints_without_end_is_killed() -> None:
    error = failure("cat /dev/zero", limits=Limits(output_bytes=MEBIBYTE))

    assert error.cause == "output"
    assert "1024 KiB" in error.message


def test_errors_without_end_are_cut_and_no_reason_to_kill() -> None:
    done = run(sh("head -c 10000000 /dev/zero | tr '\\0' x >&2; echo fine"), limits=Limits(output_bytes=MEBIBYTE))

    assert done.stdout == b"fine\n"
    assert len(done.stderr) <= MEBIBYTE // 16


def test_the_last_words_are_not_what_is_cut() -> None:
    script = "echo first >&2; head -c 10000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo 'the cause' >&2; exit 1"
    error = failure(script, limits=Limits(output_bytes=MEBIBYTE))

    assert error.message == "sh ended with code 1: the cause"
    assert error.stderr.startswith("first\n")
    assert "x\n[…]\nx" in error.stderr


def test_a_program_that_eats_memory_is_killed() -> None:
    argv = (sys.executable, "-c", "import time\nx = b'x' * 300_000_000\ntime.sleep(600)")

    with pytest.raises(ProcessError) as caught:
        run(argv, limits=Limits(memory_bytes=100 * MEBIBYTE))

    assert caught.value.cause == "memory"


@pytest.mark.slow
def test_the_memory_of_children_counts() -> None:
    script = "python3 -c \"import time; x = b'x' * 300_000_000; time.sleep(600)\" & wait"

    assert failure(script, limits=Limits(memory_bytes=150 * MEBIBYTE)).cause == "memory"


def test_what_is_no_longer_needed_is_ended() -> None:
    cancel = threading.Event()
    threading.Timer(0.2, cancel.set).start()
    started = time.monotonic()

    assert failure("sleep 600", cancel=cancel).cause == "cancelled"
    assert time.monotonic() - started < 30


def test_grandchildren_are_killed_with_a_program_that_hangs(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    failure(f"(sleep 601 & echo $! >> {pids}; sleep 602 & echo $! >> {pids}; wait) & wait", limits=Limits(seconds=1.0))

    processes = [int(word) for word in pids.read_text().split()]
    assert len(processes) == 2
    eventually(lambda: none_running(processes))


def test_children_that_outlive_the_program_are_killed_too(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    run(sh(f"sleep 603 >/dev/null 2>&1 & echo $! > {pid}"))

    eventually(lambda: not running(int(pid.read_text())))


def test_no_secret_is_in_any_word_of_a_failure() -> None:
    with pytest.raises(ProcessError) as caught:
        run(("sh", "-c", "echo $0; echo $0 >&2; exit 1", "hunter22"), secrets=("hunter22",))

    error = caught.value
    assert "hunter22" not in f"{error} {error.report()} {error.facts} {error.command}"
    assert error.stdout == "***\n"


def test_no_secret_is_in_the_errors_of_a_success() -> None:
    assert run(sh("echo token=hunter22 >&2"), secrets=("hunter22",)).stderr == "token=***\n"


def test_a_secret_that_holds_another_is_redacted_whole() -> None:
    assert redact("user:pass-and-more", ("pass", "pass-and-more")) == "user:***"


def test_what_is_too_short_to_be_a_secret_stays() -> None:
    assert redact("a map of maps", ("map", "")) == "a map of maps"


def test_many_programs_at_once_do_not_disturb_each_other() -> None:
    results: dict[int, bytes] = {}

    def one(number: int) -> None:
        results[number] = run(("cat",), stdin=f"{number}".encode() * 1000).stdout

    threads = [threading.Thread(target=one, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert results == {number: f"{number}".encode() * 1000 for number in range(16)}


def descriptors() -> int:
    """How many are open in this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_nothing_is_left_open() -> None:
    run(("true",))
    before = descriptors()
    for _ in range(5):
        run(("cat",), stdin=b"x")
        failure("exit 1")

    assert descriptors() <= before


def test_a_spawned_program_writes_its_log_and_is_killed_with_its_children(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = spawn(sh("sleep 604 & echo $! $NAME; echo oops >&2; wait"), log=file, env={"NAME": "me"})
    eventually(lambda: log.read_text().endswith("oops\n"))
    child = int(log.read_text().split()[0])

    assert log.read_text().split()[1] == "me"
    kill_group(process)
    kill_group(process)

    eventually(lambda: none_running([process.pid, child]))


def test_a_spawned_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log, pytest.raises(ProcessError, match="could not be started"):
        spawn(("no-such-program",), log=log)


SPAWNS = """
import pathlib, sys, time
from gitops_agent.process import spawn
with open(sys.argv[1] + ".log", "wb") as log:
    process = spawn(("sleep", "605"), log=log, tied=sys.argv[2] == "tied")
pathlib.Path(sys.argv[1]).write_text(str(process.pid))
time.sleep(600)
"""


@pytest.mark.parametrize("tied", [True, False])
def test_a_program_that_is_tied_dies_with_us_however_we_die(tmp_path: Path, *, tied: bool) -> None:
    place = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", SPAWNS, str(place), "tied" if tied else "free"])
    pid = eventually(lambda: int(place.read_text() or 0) if place.exists() else 0)
    parent.kill()
    parent.wait()

    try:
        if tied:
            eventually(lambda: not running(pid))
        else:
            assert running(pid)
    finally:
        if running(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_program_without_a_session_of_its_own_stays_in_ours_and_ends_as_a_group(tmp_path: Path) -> None:
    script = f"ps -o sid=,pgid= -p $$; sleep 607 >&- 2>&- & echo $! > {tmp_path}/pid"
    done = run(sh(script), own_session=False)

    session, group = map(int, done.stdout.split())
    assert session == os.getsid(0)
    assert group != os.getpgid(0)
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not running(pid))


def test_the_kernel_holds_limits_of_a_program() -> None:
    limits = Limits(seconds=30, memory_bytes=64 * MEBIBYTE, file_bytes=2 * MEBIBYTE)
    script = "read line; ulimit -c; ulimit -f; ulimit -d; ulimit -t"

    core, file, data, seconds = run(sh(script), stdin=b"go\n", limits=limits).stdout.split()

    assert (core, file, data) == (b"0", b"4096", b"589824")
    assert int(seconds) >= 30


def test_a_program_that_leaves_a_daemon_behind_hands_no_limits_to_it() -> None:
    limits = Limits(seconds=30, memory_bytes=64 * MEBIBYTE, inherited=False)
    ours = [subprocess.run(sh(f"ulimit -{kind}"), capture_output=True, check=True).stdout.strip() for kind in "cdt"]

    assert run(sh("read line; ulimit -c; ulimit -d; ulimit -t"), stdin=b"go\n", limits=limits).stdout.split() == ours


def test_a_program_that_writes_a_larger_file_is_ended(tmp_path: Path) -> None:
    place = tmp_path / "big"

    error = failure(f"read line; exec head -c 9000000 /dev/zero > {place}", stdin=b"go\n", limits=Limits(file_bytes=MEBIBYTE))

    assert error.returncode == -signal.SIGXFSZ
    assert place.stat().st_size == MEBIBYTE


def test_a_process_that_forbids_dumps_shows_its_memory_to_nobody() -> None:
    script = (
        "import os, resource, sys\n"
        "from gitops_agent.process import forbid_dumps\n"
        "forbid_dumps()\n"
        "owner = os.stat('/proc/self/environ').st_uid\n"
        "print(resource.getrlimit(resource.RLIMIT_CORE), owner)\n"
    )
    done = run((sys.executable, "-c", script))
    assert done.stdout.decode().split() == ["(0,", "0)", "0"]
