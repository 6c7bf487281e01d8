"""An SSH server on loopback that runs git's own commands.

Problem: most machines have no `sshd`, and it needs its own user and directories. Decision: asyncssh serves, in a thread with an
event loop of its own, as the user who runs the tests; the client is the `ssh` program, as in production.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shlex
import subprocess
import threading
from pathlib import Path

import asyncssh

from gitops_agent.source.sources import Repository

Reader = asyncio.StreamReader | asyncssh.SSHReader[bytes]
Writer = asyncio.StreamWriter | asyncssh.SSHWriter[bytes]

_GIT = frozenset({"git-upload-pack", "git-receive-pack"})
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


class SshServer:
    """Serves every path to git, for the holder of `identity`."""

    def __init__(self, directory: Path) -> None:
        self.user = getpass.getuser()
        self.directory = directory
        for name, passphrase in (("host", None), ("identity", None), ("stranger", None), ("sealed", "open sesame")):
            key = asyncssh.generate_private_key("ssh-ed25519", comment=name)
            key.write_private_key(directory / name, passphrase=passphrase)
            key.write_public_key(directory / f"{name}.pub")
            (directory / name).chmod(0o600)
        keys = [(directory / f"{name}.pub").read_text() for name in ("identity", "sealed")]
        (directory / "authorized").write_text("".join(keys))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ssh-server", daemon=True)
        self._thread.start()
        self._acceptor = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(30)
        self.port = self._acceptor.get_port()

    @property
    def known_hosts(self) -> str:
        kind, key, *_ = (self.directory / "host.pub").read_text().split()
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"

    def key(self, name: str = "identity") -> str:
        return (self.directory / name).read_text()

    def repository(self, path: Path) -> Repository:
        return Repository(url=f"ssh://{self.user}@127.0.0.1:{self.port}{path}")

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)
        self._loop.close()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[str(self.directory / "host")],
            authorized_client_keys=str(self.directory / "authorized"),
            process_factory=_serve,
            encoding=None,
            password_auth=False,
            kbdint_auth=False,
        )

    async def _end(self) -> None:
        self._acceptor.close()
        await self._acceptor.wait_closed()


async def _serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Runs the git command a client requests, and no other program."""
    program, *arguments = shlex.split(process.command or "") or [""]
    if program not in _GIT:
        process.stderr.write(b"only git\n")
        process.exit(1)
        return
    pipe = subprocess.PIPE
    environment = _ENVIRONMENT | {"GIT_PROTOCOL": process.env.get("GIT_PROTOCOL", "")}
    git = await asyncio.create_subprocess_exec(program, *arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    assert git.stdin is not None
    assert git.stdout is not None
    assert git.stderr is not None
    requests = asyncio.create_task(_forward_requests(process.stdin, git.stdin))
    await asyncio.gather(_forward(git.stdout, process.stdout), _forward(git.stderr, process.stderr))
    requests.cancel()
    process.exit(await git.wait())


async def _forward_requests(source: Reader, target: asyncio.StreamWriter) -> None:
    """Closes git's input when the client has sent everything."""
    await _forward(source, target)
    target.close()


async def _forward(source: Reader, target: Writer) -> None:
    with contextlib.suppress(OSError, asyncssh.Error):
        while chunk := await source.read(65536):
            target.write(chunk)
            await target.drain()
