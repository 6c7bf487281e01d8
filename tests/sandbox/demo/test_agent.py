from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.sandbox.demo.agent import AgentProcess
from tests.sandbox.processes import running
from tests.waiting import eventually

pytestmark = pytest.mark.slow


KUBECONFIG = """\
apiVersion: v1
kind: Config
current-context: nowhere
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: nobody, user: {token: none}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
"""


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Path:
    """Of a cluster that does not answer."""
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG)
    return path


@pytest.fixture
def agent(kubeconfig: Path, tmp_path: Path) -> Iterator[AgentProcess]:
    agent = AgentProcess(kubeconfig, tmp_path, name="replica-1")
    yield agent
    agent.kill()


def said(agent: AgentProcess, event: str) -> list[dict[str, object]]:
    return [line for line in agent.events() if line.get("event") == event]


def test_it_is_the_installed_command_with_a_log_of_its_own(agent: AgentProcess, tmp_path: Path) -> None:
    starting = eventually(lambda: said(agent, "starting"))[0]

    assert agent.log == tmp_path / "replica-1.log"
    assert str(starting["identity"]).startswith("replica-1_")
    assert starting["server"] == "http://127.0.0.1:1"


def test_it_ends_when_asked_though_no_api_server_answers(agent: AgentProcess) -> None:
    eventually(lambda: said(agent, "listening"))

    assert agent.stop() == 0
    assert agent.stop() == 0


def test_a_killed_one_is_gone_at_once(agent: AgentProcess) -> None:
    eventually(lambda: said(agent, "starting"))
    agent.kill()

    assert not running(agent.process.pid)
    assert agent.stop() == -9


def test_lines_that_are_no_events_are_passed_over(agent: AgentProcess) -> None:
    agent.kill()
    agent.log.write_text('{"event": "one"}\nTraceback (most recent call last):\n[1, 2]\n{"event": "tor')

    assert [line["event"] for line in agent.events()] == ["one"]


def test_settings_may_be_added(kubeconfig: Path, tmp_path: Path) -> None:
    agent = AgentProcess(kubeconfig, tmp_path, environ={"GITOPS_AGENT_LOG__LEVEL": "nonsense"})

    assert eventually(agent.process.poll) == 2
    agent.kill()
    assert "GITOPS_AGENT_LOG__LEVEL" in agent.log.read_text()


def test_no_token_of_ours_goes_with_it(kubeconfig: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/somewhere")
    monkeypatch.setenv("SOME_TOKEN", "very-secret")
    agent = AgentProcess(kubeconfig, tmp_path)
    eventually(lambda: said(agent, "starting"))
    environ = Path(f"/proc/{agent.process.pid}/environ").read_bytes().split(b"\0")
    agent.kill()

    names = {entry.partition(b"=")[0] for entry in environ}
    assert b"GITOPS_AGENT_CLUSTER__KUBECONFIG" in names
    assert not names & {b"KUBECONFIG", b"SOME_TOKEN"}
