"""A real sshd on a free port of loopback, for the user who runs the tests."""

from __future__ import annotations

import getpass
import os
import socket
import subprocess
from pathlib import Path

from gitops_agent.source.sources import Repository
from tests.waiting import eventually


class SshServer:
    """Lets the holder of `identity` in, and serves every path of the machine to git."""

    def __init__(self, program: str, directory: Path) -> None:
        self.user = getpass.getuser()
        self.directory = directory
        for name, passphrase in (("host", ""), ("identity", ""), ("stranger", ""), ("sealed", "open sesame")):
            subprocess.run(
                ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", directory / name], check=True
            )
        keys = [(directory / f"{name}.pub").read_text() for name in ("identity", "sealed")]
        (directory / "authorized").write_text("".join(keys))
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        (directory / "config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {directory}/host\nAuthorizedKeysFile {directory}/authorized\n"
            f"PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
            "PermitRootLogin prohibit-password\nPermitUserEnvironment no\nAcceptEnv GIT_PROTOCOL\n"
        )
        self._log = (directory / "log").open("wb")
        self._process = subprocess.Popen([program, "-D", "-e", "-f", directory / "config"], stdout=self._log, stderr=self._log)
        try:
            eventually(self._greets, what="sshd greets")
        except AssertionError:
            self.close()
            raise

    @property
    def known_hosts(self) -> str:
        kind, key, *_ = (self.directory / "host.pub").read_text().split()
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"

    def key(self, name: str = "identity") -> str:
        return (self.directory / name).read_text()

    def repository(self, path: Path) -> Repository:
        return Repository(url=f"ssh://{self.user}@127.0.0.1:{self.port}{path}")

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=10)
        self._log.close()

    def _greets(self) -> bool:
        assert self._process.poll() is None, (self.directory / "log").read_text()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False
