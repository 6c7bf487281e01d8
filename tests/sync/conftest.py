"""The real API server, for claims about what it records and stores."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.sync.cluster_env import ClusterEnv, staged


@pytest.fixture(scope="session")
def transport(control_plane: ControlPlane) -> Iterator[Transport]:
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    yield transport
    transport.close()


@pytest.fixture
def discovery(transport: Transport) -> Discovery:
    return Discovery(transport)


@pytest.fixture
def objects(transport: Transport, discovery: Discovery) -> Objects:
    return Objects(transport, discovery)


@pytest.fixture
def stage(objects: Objects, discovery: Discovery, namespace: str) -> Iterator[ClusterEnv]:
    """One application of its own in a fresh namespace."""
    with staged(objects, discovery, namespace) as stage:
        yield stage
