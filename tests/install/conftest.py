"""A client of the control plane."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.sandbox.controlplane import ControlPlane


@pytest.fixture
def objects(control_plane: ControlPlane) -> Iterator[Objects]:
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    yield Objects(transport, Discovery(transport))
    transport.close()
