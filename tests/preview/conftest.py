"""Applications in a namespace of the test, as the command line's tests have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cli.cluster_env import ClusterEnv, install_crds


@pytest.fixture
def stage(control_plane: ControlPlane, namespace: str, tmp_path: Path) -> ClusterEnv:
    """A namespace for Applications."""
    install_crds(control_plane)
    return ClusterEnv(control_plane, namespace, tmp_path)
