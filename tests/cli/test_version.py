from __future__ import annotations

import json

import pytest

from gitops_agent import __version__
from gitops_agent.toolchain.catalog import TOOLS
from tests.cli.cluster_env import ClusterEnv
from tests.cli.conftest import Run


@pytest.mark.cluster
def test_the_versions_of_everything_involved(stage: ClusterEnv, run: Run) -> None:
    document = json.loads(run("version", "-o", "json").stdout)

    assert document["gitops-agent"] == __version__
    assert document["cluster"] == f"v{TOOLS['kube-apiserver'].version}"
    assert set(document) == {"gitops-agent", "python", "helm", "kustomize", "git", "cluster"}
    assert run("version", "-o", "name").stdout == f"gitops-agent/{__version__}\n"


def test_a_cluster_that_does_not_answer_is_no_error(run: Run) -> None:
    result = run("version", "--kubeconfig", "/nowhere")

    assert result.code == 0
    assert result.lines[-1].startswith("cluster       not reached: ")
