"""Files of other projects in Go modules, such as CRDs.

Each module is pinned by the hash Go gives its content.

They are had the way the sandbox's programs are: a machine that can build those can have these, and nothing of another project
lies in this repository. `python -m benchmarks.published` fetches all of them, for tests and measurements without a network.
"""

from __future__ import annotations

import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from gitops_agent import process
from gitops_agent.errors import AgentError, ProcessError
from gitops_agent.toolchain.go import environment, find_go
from gitops_agent.toolchain.progress import Progress, to_stderr

_LIMITS = process.Limits(seconds=300.0, memory_bytes=1 << 40)


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module at a version (`path@version`), and its hash."""

    name: str
    sum: str

    def folder(self, progress: Progress) -> Path:
        """Where the module's files lie.

        Raises:
            AgentError: the module cannot be had, or is not the one that is pinned.
        """
        argv = (str(find_go(progress)), "mod", "download", "-json", self.name)
        with tempfile.TemporaryDirectory(prefix="published-") as scratch:
            try:
                answer = json.loads(process.run(argv, cwd=Path(scratch), env=environment(), limits=_LIMITS).stdout)
            except ProcessError as error:
                raise AgentError(f"the module {self.name} cannot be had: {error}", reason="ToolMissing") from error
        if answer["Sum"] != self.sum:
            message = f"the module {self.name} is not the one that is pinned: {answer['Sum']}, not {self.sum}"
            raise AgentError(message, reason="ChecksumMismatch")
        return Path(answer["Dir"])


GATEWAY_API = Module("sigs.k8s.io/gateway-api@v1.4.0", "h1:ZwlNM6zOHq0h3WUX2gfByPs2yAEsy/EenYJB78jpQfQ=")
GATEWAY_CRDS = "config/crd/standard/gateway.networking.k8s.io_{plural}.yaml"
ISTIO = Module("istio.io/api@v1.28.0", "h1:0fYY9G03CAdFwE/fCkpr0v7kKsy+Hz9OCCjLNBNLbnU=")
SMI = Module("github.com/servicemeshinterface/smi-sdk-go@v0.5.0", "h1:9cZdhvGbGDlmnp9qqmcQL+RL6KZ3IzHfDLoA5Axg8n0=")
TRAEFIK = Module("github.com/traefik/traefik/v3@v3.6.12", "h1:6pe4s7aaDTQs+AsF7KP3sM/xnq7zOVvibRQe5tw9eFo=")
MODULES = (GATEWAY_API, ISTIO, SMI, TRAEFIK)


def main() -> int:
    """Fetches every module; 1 when one cannot be had."""
    progress = to_stderr()
    try:
        for number, module in enumerate(MODULES, start=1):
            with progress.step(f"[{number}/{len(MODULES)}] {module.name}: fetching"):
                module.folder(progress)
    except AgentError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
