"""Real repositories and real servers for the tests of sources."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitops_agent.source.sources import Ref, Sources
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
    made = Sources(tmp_path / "cache", allow_file=True, timeout_seconds=30)
    yield made
    made.close()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no certificates for a server")
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
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if program is None or shutil.which("ssh-keygen") is None:
        pytest.skip("no sshd on this machine: ssh repositories are not tried (install openssh-server to do so)")
    try:
        server = SshServer(program, tmp_path_factory.mktemp("sshd"))
    except (OSError, subprocess.CalledProcessError, AssertionError) as error:
        pytest.skip(f"sshd does not start here: {error}")
    yield server
    server.close()
