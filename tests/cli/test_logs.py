from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.cli.logs import containers, printable
from gitops_agent.operations.log_follower import Container
from tests.cli.cluster_env import ClusterEnv, healthy
from tests.cli.conftest import Run
from tests.cluster.log_api import Api, pod
from tests.cluster.wire import Wire, kubeconfig

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("follow", [(), ("--follow",)])
def test_the_logs_of_one_agent_are_its_lines(run: Run, tmp_path: Path, follow: tuple[str, ...]) -> None:
    with Wire(Api(pod("agent-a"), agent_a="one\ntwo\n")) as wire:
        result = run("logs", "--kubeconfig", str(kubeconfig(tmp_path, wire.url)), "--tail", "7", "--since", "2m", *follow)

        assert (result.code, result.stdout, result.stderr) == (0, "one\ntwo\n", "")
        (asked,) = [request for request in wire.asked if request.path.endswith("/log")]
        assert asked.path == "/api/v1/namespaces/gitops-system/pods/agent-a/log"
        assert {"tailLines": "7", "sinceSeconds": "120", "container": "agent"}.items() <= asked.query.items()
        assert ("limitBytes" in asked.query) is (follow == ())
        (listed,) = [request for request in wire.asked if request.path.endswith("/pods")]
        assert listed.query["labelSelector"] == "app.kubernetes.io/name=gitops-agent,app.kubernetes.io/component=agent"


@pytest.mark.parametrize("follow", [(), ("-f",)])
def test_lines_of_several_containers_name_theirs(run: Run, tmp_path: Path, follow: tuple[str, ...]) -> None:
    with Wire(Api(pod("agent-a"), pod("agent-b"), pod("agent-c"), agent_a="one\n", agent_b="two")) as wire:
        result = run("logs", "--kubeconfig", str(kubeconfig(tmp_path, wire.url)), *follow)

    assert result.code == 0
    assert sorted(result.lines) == ["[agent-a/agent] one", "[agent-b/agent] two"]
    assert result.stderr.startswith("agent-c/agent: ")
    assert "waiting to start: ContainerCreating" in result.stderr


def test_the_number_of_containers_is_bounded(run: Run, tmp_path: Path) -> None:
    pods = [pod(f"agent-{number:02}") for number in range(23)]
    with Wire(Api(*pods, **{f"agent_{number:02}": "x\n" for number in range(23)})) as wire:
        result = run("logs", "--kubeconfig", str(kubeconfig(tmp_path, wire.url)))

    assert len(result.lines) == 20
    assert result.stderr == "20 of 23 containers are printed: say which with --container\n"


def test_without_an_agent_there_is_nothing_to_print(run: Run, tmp_path: Path) -> None:
    with Wire(Api()) as wire:
        result = run("logs", "--kubeconfig", str(kubeconfig(tmp_path, wire.url)))

    assert (result.code, result.stdout) == (2, "")
    assert "there is no container of an agent in namespace gitops-system: does it run elsewhere?" in result.stderr


def test_an_unreadable_log_alone_is_an_error(run: Run, tmp_path: Path) -> None:
    with Wire(Api(pod("agent-a"))) as wire:
        assert run("logs", "--kubeconfig", str(kubeconfig(tmp_path, wire.url))).code == 1


def test_running_pods_come_first_and_an_init_container_only_by_name() -> None:
    pods = [pod("done", "job", phase="Succeeded"), pod("web", "app", "proxy", init="migrate")]

    assert [str(container) for container in containers(pods, None)] == ["web/app", "web/proxy", "done/job"]
    assert containers(pods, "migrate") == [Container(namespace="gitops-system", pod="web", name="migrate")]


def test_a_terminal_gets_no_control_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    line = "\x1b[31mred\x1b[0m \x1b]0;title\x07\tüber\r".encode()
    assert printable(line).startswith("\x1b[31mred")

    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    assert printable(line) == "red ]0;title\tüber"


def test_following_the_past_is_refused(run: Run) -> None:
    assert run("logs", "-f", "--previous").code == 2


@pytest.mark.cluster
def test_the_pods_of_an_application_are_those_its_objects_own(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())
    stage.owned(
        "shop",
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web"},
            "spec": {"containers": [{"name": "app", "image": "x"}]},
        },
    )

    result = run("logs", "shop")

    assert (result.code, result.stdout) == (1, "")
    assert result.stderr.startswith("web/app: ")
    assert "there is no container named db of shop" in run("logs", "shop", "-c", "db").stderr
    assert run("logs", "nope").code == 2
