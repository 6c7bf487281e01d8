from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.cluster_env import ClusterEnv
from tests.cli.policies import holding, stored


def completed(words: str, **environment: str) -> list[str]:
    """What bash offers for the last word."""
    program = str(Path(sys.executable).with_name("gitops-agent"))
    typed = words.split(" ")
    variables = {"_GITOPS_AGENT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(typed) - 1)}
    done = subprocess.run([program], env=variables | environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [line.removeprefix("plain,") for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("gitops-agent hist", "history"),
        ("gitops-agent rollout pr", "promote"),
        ("gitops-agent get n", "notifiers"),
    ],
)
def test_completion_offers_the_commands(words: str, offered: str) -> None:
    assert completed(words) == [offered]


@pytest.mark.cluster
def test_completion_offers_the_names_of_a_cluster(stage: ClusterEnv) -> None:
    for name in ("shop", "shipping", "notes"):
        stage.application(name)
    stored(stage, holding(0))
    environment = {"KUBECONFIG": str(stage.plane.kubeconfig), "GITOPS_AGENT_NAMESPACE": stage.namespace}
    elsewhere = {"KUBECONFIG": "/nonexistent"}

    assert completed("gitops-agent status sh", **environment) == ["shipping", "shop"]
    assert completed(f"gitops-agent pause -n {stage.namespace} n", KUBECONFIG=environment["KUBECONFIG"]) == ["notes"]
    assert completed("gitops-agent get applications sho", **environment) == ["shop"]
    assert completed(f"gitops-agent status --kubeconfig {stage.plane.kubeconfig} -n {stage.namespace[:-2]}", **elsewhere) == [
        stage.namespace
    ]
    assert completed(f"gitops-agent rollout status {stage.namespace}/", **environment) == [f"{stage.namespace}/web"]
    assert completed(f"gitops-agent rollout promote -n {stage.namespace} w", **environment) == ["web"]


def test_completion_offers_the_contexts_of_every_kubeconfig(tmp_path: Path) -> None:
    for name in ("west", "east"):
        (tmp_path / name).write_text(f"apiVersion: v1\nkind: Config\ncontexts: [{{name: {name}, context: {{}}}}]\n")
    files = f"{tmp_path}/west:{tmp_path}/east:{tmp_path}/missing"

    assert completed("gitops-agent status --context ", KUBECONFIG=files) == ["east", "west"]
    assert completed(f"gitops-agent tree --kubeconfig {tmp_path}/west --context w") == ["west"]


def test_a_cluster_that_does_not_answer_offers_nothing(tmp_path: Path) -> None:
    assert completed("gitops-agent status sh", KUBECONFIG=str(tmp_path / "missing")) == []
