"""Fixtures: a transport, the kinds and objects of the control plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cluster.wire import Script, Wire


@pytest.fixture(scope="session")
def transport(control_plane: ControlPlane) -> Iterator[Transport]:
    """The administrator's."""
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
def wire() -> Iterator[Callable[[Script], Wire]]:
    """Starts scripted servers that end with the test."""
    with ExitStack() as stack:
        yield lambda script: stack.enter_context(_started(script))


def _started(script: Script) -> AbstractContextManager[Wire]:
    return Wire(script)


@pytest.fixture
def configmap(namespace: str) -> Callable[..., Object]:
    """Makes ConfigMaps of the test's namespace."""

    def make(name: str = "settings", data: dict[str, str] | None = None, **labels: str) -> Object:
        metadata: Object = {"name": name, "namespace": namespace}
        if labels:
            metadata["labels"] = labels
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {"key": "value"}}

    return make


@pytest.fixture
def own_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of the test's own, to break."""
    directory: Path = tmp_path_factory.mktemp("plane")
    with ControlPlane.start(directory / "own", nodes=0, tied=True) as plane:
        yield plane
