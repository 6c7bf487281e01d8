from __future__ import annotations

import pytest

from gitops_agent.agent.runtime import Runtime
from gitops_agent.cluster.transport import Transport
from gitops_agent.config import Settings
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.server.webhooks.delivery import Push
from gitops_agent.server.webhooks.leader import Leader


@pytest.mark.cluster
def test_a_replica_that_does_not_lead_has_no_secrets_and_drops_pushes(control_plane: ControlPlane) -> None:
    leader = Leader(Runtime(Settings(), Transport.from_kubeconfig(control_plane.kubeconfig)))

    assert leader.secrets() is None
    leader.pushed(Push(urls=("https://git.example.com/acme/config",)))
