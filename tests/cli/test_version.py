from __future__ import annotations

import json

import pytest

from gitops_agent import __version__
from gitops_agent.toolchain.catalog import TOOLS
from tests.cli.cluster_env import ClusterEnv
from tests.cli.conftest import Run


@pytest.mark.cluster
def test_the_versions_of_everything_involved(stage: ClusterEnv, run: Run) -> None:
    found = json.loads(run("version", "-o", "json").stdout)

    assert found["gitops-agent"] == __version__
    assert found["cluster"] == f"v{TOOLS['kube-apiserver'].version}"
    assert set(found) == {"gitops-agent", "python", "helm", "kustomize", "git", "cluster"}
    assert run("version", "-o", "name").stdout == f"gitops-agent/{__version__}\n"


def test_a_cluster_that_does_not_answer_is_no_error(run: Run) -> None:
    said = run("version", "--kubeconfig", "/nowhere")

    assert said.code == 0
    assert said.lines[-1].startswith("cluster       not reached: ")
