"""Fixtures of the agent's tests: repository, mirror, kinds and objects."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.api.crd import crds
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import Conflict, NotFound
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.source.sources import Sources
from gitops_agent.toolchain.catalog import selected
from gitops_agent.toolchain.installer import Installer
from tests.agent.cluster_env import ClusterEnv
from tests.source.author import Author
from tests.waiting import eventually

API_GROUP = "gitops-agent.dev"


@pytest.fixture
def author(tmp_path: Path) -> Author:
    """An author who pushes to a repository of the test."""
    return Author(tmp_path / "config.git")


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    sources = Sources(tmp_path / "mirrors", allow_file=True, timeout_seconds=30)
    yield sources
    sources.close()


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[Transport]:
    """To an API server that does not answer."""
    path = tmp_path / "nowhere.kubeconfig"
    path.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: nowhere\n"
        "clusters: [{name: nowhere, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: nobody, user: {token: none}}]\n"
        "contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]\n"
    )
    transport = Transport.from_kubeconfig(path)
    yield transport
    transport.close()


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


@pytest.fixture(scope="session")
def installed(transport: Transport) -> None:
    """Our own kinds are served."""
    discovery = Discovery(transport)
    objects = Objects(transport, discovery)
    for crd in crds():
        objects.apply(crd)

    def served() -> bool:
        discovery.invalidate(API_GROUP)
        kinds = {resource.kind for resource in discovery.kinds() if resource.group == API_GROUP}
        return {"Application", "Notifier"} <= kinds

    eventually(served, what="our kinds are served")


@pytest.fixture
def home(control_plane: ControlPlane, installed: None, namespace: str) -> Iterator[str]:
    """A namespace for an agent, apart from that of its applications."""
    name = f"home-{namespace}"
    control_plane.request("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    with contextlib.suppress(Conflict, NotFound):  # a test took it away
        control_plane.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def start(
    home: str, namespace: str, author: Author, control_plane: ControlPlane, tmp_path: Path
) -> Iterator[Callable[..., ClusterEnv]]:
    """Starts agents in this process, one after the other.

    The last one is ended and its Applications are removed. An agent may reach the API server by a kubeconfig of the test.
    """
    worlds: list[ClusterEnv] = []
    tools = {name: tool.path for name, tool in Installer().ensure(selected(("helm", "kustomize"))).items()}

    def do(kubeconfig: Path | None = None, health: Object | None = None) -> ClusterEnv:
        options: dict[str, Any] = {"home": home, "namespace": namespace, "author": author, "tools": tools}
        world = ClusterEnv(
            control_plane, cache=tmp_path / f"cache-{len(worlds)}", kubeconfig=kubeconfig, health=health, **options
        )
        worlds.append(world)
        world.start()
        return world

    yield do
    for world in worlds:
        world.close()


@pytest.fixture
def world(start: Callable[[], ClusterEnv]) -> ClusterEnv:
    """A running agent."""
    return start()


@pytest.fixture
def config_map(objects: Objects, namespace: str) -> Callable[..., ObjectKey]:
    """Creates ConfigMaps without an owner in the test's namespace."""

    def make(name: str, **data: str) -> ObjectKey:
        obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": data}
        return ObjectKey.of(objects.apply(obj, field_manager="kubectl"))

    return make
