from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.cli.cluster_env import ClusterEnv
from tests.cli.conftest import Run
from tests.waiting import eventually


@pytest.mark.cluster
@pytest.mark.e2e
def test_the_agent_answers_its_probes_and_ends_gracefully(stage: ClusterEnv, tmp_path: Path) -> None:
    log = tmp_path / "log"
    settings = {
        "cluster.namespace": stage.namespace,
        "server.address": "127.0.0.1",
        "server.port": "0",
        "source.cacheDir": str(tmp_path / "cache"),
        "log.format": "json",
    }
    flags = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    with (
        log.open("wb") as stream,
        subprocess.Popen([sys.executable, "-m", "gitops_agent", "run", *flags], stderr=stream) as agent,
    ):

        def said(event: str) -> dict[str, object] | None:
            lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
            return next((line for line in lines if line["event"] == event), None)

        try:
            port = eventually(lambda: said("listening"))["port"]  # type: ignore[index]
            eventually(lambda: said("leading"))
            for path, words in (("healthz", "ok"), ("readyz", "leading"), ("metrics", "gitops_agent_leader 1.0")):

                def answer(path: str = path) -> str:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as response:
                        text: str = response.read().decode()
                        return text

                assert eventually(lambda words=words, answer=answer: words in answer())  # type: ignore[misc]
            agent.send_signal(signal.SIGQUIT)
            eventually(lambda: "Current thread" in log.read_text() and "runtime.py" in log.read_text())
            eventually(lambda: "ok" in answer("healthz"))
        finally:
            agent.send_signal(signal.SIGTERM)
            code = agent.wait(timeout=60)

    assert code == 0
    assert said("no longer leading")


def test_a_wrong_setting_ends_it_before_it_begins(run: Run) -> None:
    result = run("run", "--set", "sync.wokers=3")

    assert (result.code, result.stderr.count("\n")) == (2, 1)
    assert "sync.workers" in result.stderr
