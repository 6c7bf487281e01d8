from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cli.cluster_env import ClusterEnv, healthy
from tests.cli.conftest import Run

pytestmark = pytest.mark.cluster


def test_applications_come_by_name(stage: ClusterEnv) -> None:
    for name in ("shop", "notes", "guestbook"):
        stage.application(name)
    access = ClusterClient.open(None, None, stage.namespace)

    assert [application["metadata"]["name"] for application in access.applications()] == ["guestbook", "notes", "shop"]
    assert access.application("notes")["spec"]["source"]["path"] == "apps/shop"


@pytest.mark.parametrize(
    "words",
    [
        ("status", "nope"),
        ("get", "app", "nope"),
        ("tree", "nope"),
        ("diff", "nope"),
        ("sync", "nope"),
        ("wait", "nope"),
        ("approve", "nope", "0123456789ab"),
        ("pause", "nope", "--reason", "because"),
        ("resume", "nope"),
        ("history", "nope"),
        ("events", "nope"),
        ("render", ".", "--application", "nope"),
    ],
)
def test_an_unknown_application_is_one_line_and_exit_code_two(stage: ClusterEnv, run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)

    assert (result.code, result.stdout) == (2, "")
    assert result.stderr == f"error: there is no Application nope in namespace {stage.namespace}\n"


def test_an_unknown_application_is_named_with_those_that_come_near_or_exist(stage: ClusterEnv, run: Run) -> None:
    for name in ("plain", "shop"):
        stage.application(name)

    where = f"in namespace {stage.namespace}"
    assert run("status", "pian").stderr == f"error: there is no Application pian {where}; did you mean plain?\n"
    assert run("status", "xyz").stderr == f"error: there is no Application xyz {where}; there are plain, shop\n"


def test_an_unknown_context_is_named(stage: ClusterEnv, run: Run) -> None:
    result = run("status", "--context", "nope")

    assert (result.code, result.stderr) == (2, "error: there is no context nope in the kubeconfig\n")


def test_the_kubeconfig_of_the_option_wins(stage: ClusterEnv, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.application("shop", healthy())
    monkeypatch.setenv("KUBECONFIG", "/nowhere")

    assert run("status").code == 2
    assert (
        run("status", "--kubeconfig", str(stage.plane.kubeconfig), "-o", "name").stdout == "application.gitops-agent.dev/shop\n"
    )


def test_a_kubeconfig_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        ClusterClient.open(str(tmp_path / "nothing"), None, "gitops-system")


def test_a_user_without_read_permission_gets_an_error(control_plane: ControlPlane, stage: ClusterEnv, run: Run) -> None:
    weak = control_plane.service_account_kubeconfig(stage.namespace, "default")

    result = run("status", "--kubeconfig", str(weak))

    assert result.code == 1
    assert "applications" in result.stderr
    assert result.stderr.endswith("(Forbidden)\n")
    assert result.stderr.count("\n") == 1
