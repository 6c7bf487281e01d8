"""Real repositories and real servers for the tests of sources."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitops_agent.source.sources import Ref, Sources
from gitops_agent.toolchain.system_packages import SystemPackages
from tests.source.author import Author
from tests.source.certificates import Certificates
from tests.source.https import GitServer
from tests.source.ssh import SshServer

MAIN = Ref(kind="branch", value="main")


@pytest.fixture
def author(tmp_path: Path) -> Author:
    return Author(tmp_path / "served" / "config.git")


@pytest.fixture
def sources(tmp_path: Path) -> Iterator[Sources]:
    made = Sources(tmp_path / "cache", allow_file=True, timeout_seconds=600)
    yield made
    made.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def serve(author: Author, certificates: Certificates) -> Iterator[Callable[..., GitServer]]:
    """Starts https servers for the author's directory."""
    servers: list[GitServer] = []

    def start(*, client_certificate: bool = False) -> GitServer:
        server = GitServer(author.directory.parent, certificates, client_certificate=client_certificate)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    server = SshServer(tmp_path_factory.mktemp("ssh-server"))
    yield server
    server.close()


@pytest.fixture
def sshd(ssh_server: SshServer, monkeypatch: pytest.MonkeyPatch) -> SshServer:
    """The SSH server, and an `ssh` program on PATH for git.

    The machine's, else the unpacked package's.
    """
    client = SystemPackages().find("ssh")
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    return ssh_server
