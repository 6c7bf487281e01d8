"""Real agents for acceptance tests, shared or of a test's own.

One shared by a worker's tests, and installations for those that break theirs.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.sandbox.controlplane import ControlPlane
from tests.acceptance.installed_agent import Agent, InstalledAgent
from tests.acceptance.tenant import Tenant


@pytest.fixture(scope="session")
def shared(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[InstalledAgent, Agent]]:
    """The agent shared by the tests of a worker."""
    installed = InstalledAgent(control_plane, _fresh("agent"), tmp_path_factory.mktemp("agent"))
    try:
        agent = installed.start()
        yield installed, agent
        assert not agent.unexpected()
    finally:
        installed.close()


@pytest.fixture
def team(shared: tuple[InstalledAgent, Agent], namespace: str, tmp_path: Path) -> Iterator[Tenant]:
    """A team of the shared agent."""
    installed, agent = shared
    tenant = Tenant(installed, agent, namespace, tmp_path)
    yield tenant
    tenant.close()


@pytest.fixture
def installed(control_plane: ControlPlane, tmp_path: Path) -> Iterator[InstalledAgent]:
    """An installation of the test's own, in which nothing runs yet."""
    installed_agent = InstalledAgent(control_plane, _fresh("agent"), tmp_path / "installed")
    try:
        yield installed_agent
    finally:
        installed_agent.close()


@pytest.fixture
def own(installed: InstalledAgent, namespace: str, tmp_path: Path) -> Iterator[Tenant]:
    """A team of that installation; the test starts the agent."""
    tenant = Tenant(installed, None, namespace, tmp_path / "team")
    yield tenant
    tenant.close()


def _fresh(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:8]}"
