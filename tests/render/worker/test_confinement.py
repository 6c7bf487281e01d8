"""Rights of a confined process; each case in its own process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = """
import os, resource, socket, subprocess, sys
from pathlib import Path
from gitops_agent.render.worker.confinement import confine
scratch, program, port, secret = sys.argv[1:5]
confinement = confine(scratch=Path(scratch), programs=[Path(program)], own_user=True)

def tried(action):
    try:
        return action()
    except OSError as error:
        return type(error).__name__

def environ():
    return len(Path(f"/proc/{os.getppid()}/environ").read_bytes())

print(dict(
    network=confinement.network,
    files=confinement.files,
    connect=tried(lambda: socket.create_connection(("127.0.0.1", int(port)), 5) and "connected"),
    read=tried(lambda: Path(secret).read_text()),
    write=tried(lambda: Path(secret).write_text("x")),
    scratch=tried(lambda: (Path(scratch) / "a").write_text("x")),
    library=tried(lambda: len(Path(os.__file__).read_bytes()) > 0),
    device=tried(lambda: Path("/dev/null").write_text("x")),
    child=tried(lambda: subprocess.run([sys.executable, "-c", f"open({secret!r})"], capture_output=True).returncode),
    parent=tried(environ),
    kill=tried(lambda: os.kill(os.getppid(), 0) or "may"),
    core=resource.getrlimit(resource.RLIMIT_CORE)[1],
    processes=resource.getrlimit(resource.RLIMIT_NPROC)[1],
))
"""
Tried = Callable[[Path], dict[str, object]]


@pytest.fixture
def tried(tmp_path: Path) -> Iterator[Tried]:
    """Confines a process for a program, and returns what it could do."""
    (tmp_path / "scratch").mkdir()
    secret = tmp_path / "secret"
    secret.write_text("hunter22")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def do(program: Path) -> dict[str, object]:
            port = str(server.getsockname()[1])
            argv = [sys.executable, "-c", SCRIPT, str(tmp_path / "scratch"), str(program), port, str(secret)]
            done = subprocess.run(argv, capture_output=True, check=True, text=True, env={"TOKEN": "x", **os.environ})
            return dict(eval(done.stdout))  # noqa: S307 - printed by the script above

        yield do


def test_a_confined_process_has_its_programs_its_scratch_folder_and_nothing_else(tried: Tried) -> None:
    seen = tried(Path(sys.executable))

    assert seen["connect"] != "connected"
    assert seen["scratch"] == 1
    assert seen["library"] is True
    assert seen["device"] == 1
    assert seen["core"] == 0
    assert seen["processes"] == 1024
    assert seen["network"] in {"namespace", "landlock"}
    if not seen["files"]:  # a kernel without Landlock
        pytest.skip("Landlock is not enabled in this kernel")
    assert seen["read"] == seen["write"] == "PermissionError"
    assert seen["child"] == 1
    assert seen["parent"] == "PermissionError"


def test_a_program_that_is_a_script_may_read_what_it_needs(tried: Tried, tmp_path: Path) -> None:
    script = tmp_path / "shim"
    script.write_text("#!/bin/sh\n")

    seen = tried(script)

    assert seen["read"] == "hunter22"
    assert seen["connect"] != "connected"
