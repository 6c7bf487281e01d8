from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitops_agent.cli.exit_codes import INTERRUPTED
from tests.cli.cluster_env import COMMIT, OLDER, ClusterEnv, healthy, troubled
from tests.cli.conftest import Run
from tests.cli.test_events import record
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

PROGRAM = [sys.executable, "-m", "gitops_agent"]
ENTRY = {"revision": OLDER, "result": "Synced", "message": "applied", "started": "2026-05-04T11:00:00Z", "duration": "1s"}


@contextmanager
def watching(stage: ClusterEnv, output: Path, *words: str) -> Iterator[None]:
    """Runs a command in a pipe and interrupts it in the end."""
    environment = {**os.environ, "KUBECONFIG": str(stage.plane.kubeconfig), "GITOPS_AGENT_NAMESPACE": stage.namespace}
    with output.open("wb") as file:
        process = subprocess.Popen([*PROGRAM, *words], stdout=file, stderr=subprocess.STDOUT, env=environment)
    try:
        yield
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == INTERRUPTED
    finally:
        process.kill()
        process.wait()


def printed(output: Path, count: int) -> list[str]:
    """The lines, once there are so many."""
    eventually(lambda: output.read_text().count("\n") >= count, what=f"{count} lines")
    return output.read_text().splitlines()


@pytest.mark.parametrize("command", [("status",), ("get", "app"), ("status", "shop"), ("get", "app", "shop")])
def test_each_change_is_a_line_in_a_pipe(stage: ClusterEnv, tmp_path: Path, command: tuple[str, ...]) -> None:
    stage.application("shop", healthy())
    output = tmp_path / "printed"
    with watching(stage, output, *command, "-w"):
        printed(output, 1)
        stage.status("shop", troubled("False", "Degraded", "web is broken"))
        printed(output, 2)
        stage.plane.request("DELETE", stage.path("applications", "shop"))
        first, second, third, *_ = printed(output, 3)

    assert "  shop  True  Synced  Healthy  " in first
    assert second.endswith("  web is broken")
    assert third.endswith("  shop  deleted")


def test_names_and_documents_are_printed_for_each_change(stage: ClusterEnv, tmp_path: Path) -> None:
    stage.application("shop", healthy())
    output = tmp_path / "printed"
    with watching(stage, output, "get", "app", "-w", "-o", "name"):
        printed(output, 1)
        stage.status("shop", troubled("False", "Degraded", "web is broken"))
        lines = printed(output, 2)

    assert lines == ["application.gitops-agent.dev/shop"] * 2


def test_events_are_appended(stage: ClusterEnv, tmp_path: Path) -> None:
    uid = stage.application("shop", healthy())["metadata"]["uid"]
    record(stage, "a", "RevisionSeen", "2026-05-04T12:00:01.000000Z", uid=uid, note="a commit")
    output = tmp_path / "printed"
    with watching(stage, output, "events", "shop", "--watch"):
        printed(output, 2)
        record(stage, "b", "Synced", "2026-05-04T12:00:02.000000Z", uid=uid, note="applied")
        lines = printed(output, 3)

    assert lines == [
        "WHEN                  TYPE    REASON        TIMES  MESSAGE",
        "2026-05-04T12:00:01Z  Normal  RevisionSeen  1      a commit",
        "2026-05-04T12:00:02Z  Normal  Synced        1      applied",
    ]


def test_syncs_are_appended_newest_last(stage: ClusterEnv, tmp_path: Path) -> None:
    stage.application("shop", healthy() | {"history": [ENTRY]})
    output = tmp_path / "printed"
    with watching(stage, output, "history", "shop", "-w"):
        printed(output, 2)
        newer = ENTRY | {"revision": COMMIT, "started": "2026-05-04T12:00:00Z"}
        stage.status("shop", healthy() | {"history": [newer, ENTRY]})
        lines = printed(output, 3)

    assert [line.split()[1] for line in lines[1:]] == [OLDER[:12], COMMIT[:12]]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("status", "-w", "--exit-code"), "exclude each other"),
        (("status", "-w", "-o", "json"), "gitops-agent get applications --watch -o json"),
        (("events", "shop", "-w", "-o", "json"), "--watch is for tables only"),
        (("history", "shop", "-w", "-o", "name"), "--watch is for tables only"),
    ],
)
def test_what_cannot_be_followed_is_refused(run: Run, command: tuple[str, ...], words: str) -> None:
    result = run(*command)

    assert (result.code, result.stdout) == (2, "")
    assert words in result.stderr
