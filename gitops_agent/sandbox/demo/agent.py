"""The agent of the demo: the installed command with ServiceAccount token.

In a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess  # noqa: TID251 - only for the type of what the subprocess door returns
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gitops_agent.config.directories import cache_home
from gitops_agent.process import kill_group, spawn

_GRACE_SECONDS = 25.0


class AgentProcess:
    """A replica of the agent.

    Args:
        kubeconfig: with the token of the agent's ServiceAccount.
        directory: for its caches and its log.
        name: distinguishes replicas.
        environ: settings beside those every replica has, as environment variables.
    """

    def __init__(
        self, kubeconfig: Path, directory: Path, *, name: str = "agent", environ: Mapping[str, str] | None = None
    ) -> None:
        self.log = directory / f"{name}.log"
        self._file = self.log.open("ab")
        settings = {
            "GITOPS_AGENT_CLUSTER__KUBECONFIG": str(kubeconfig),
            "GITOPS_AGENT_SOURCE__ALLOW_FILE": "true",
            "GITOPS_AGENT_SOURCE__CACHE_DIR": str(directory / f"{name}-cache"),
            "GITOPS_AGENT_SERVER__ADDRESS": "127.0.0.1",
            "GITOPS_AGENT_SERVER__PORT": "0",
            "GITOPS_AGENT_LOG__FORMAT": "json",
            "POD_NAME": name,
            "HOME": str(directory),
            "XDG_CACHE_HOME": str(cache_home()),  # its own HOME is a scratch folder
            **(environ or {}),
        }
        argv = (sys.executable, "-m", "gitops_agent", "run")
        self.process: subprocess.Popen[bytes] = spawn(argv, log=self._file, env=settings)

    def events(self) -> Iterator[dict[str, Any]]:
        """Every line of its log so far."""
        for line in self.log.read_text(errors="replace").splitlines():
            with contextlib.suppress(json.JSONDecodeError):
                entry = json.loads(line)
                if isinstance(entry, dict):
                    yield entry

    def stop(self) -> int | None:
        """Stops it and waits; returns its exit code, None when killed."""
        code: int | None = None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self.process.wait(_GRACE_SECONDS)
        else:
            code = self.process.returncode
        self.kill()
        return code

    def kill(self) -> None:
        """Kills it at once."""
        kill_group(self.process)
        self._file.close()
