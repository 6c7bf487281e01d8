"""A namespace with Applications on the control plane of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cli.cluster_env import ClusterEnv, install_crds


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> ClusterEnv:
    """A namespace for Applications, with our kinds served."""
    install_crds(control_plane)
    return ClusterEnv(control_plane, namespace, tmp_path)


@pytest.fixture
def access(stage: ClusterEnv) -> ClusterClient:
    """The cluster as its administrator."""
    return ClusterClient.open(str(stage.plane.kubeconfig), None, stage.namespace)
