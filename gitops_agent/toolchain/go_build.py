"""Builds a tool from the Go module proxy.

All tools share one module (`gotools/`, its go.sum pins every source file), so that packages they have in common are compiled
once. The module is copied to a scratch folder first: an installed package may lie in a read-only folder, and `-mod=readonly`
makes sure that what is built is what is pinned.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from gitops_agent import process
from gitops_agent.errors import AgentError, ProcessError
from gitops_agent.toolchain.catalog import Tool
from gitops_agent.toolchain.go import GOTOOLS, environment

_BUILD = process.Limits(seconds=7200.0, memory_bytes=1 << 40)
"""Two hours are for a small, loaded machine; the compiler's memory is its own affair."""

_TAIL_LINES = 5


class BuildFailed(AgentError):
    """Go could not build a tool."""

    reason = "BuildFailed"


def build(tool: Tool, go: Path, into: Path) -> str:
    """Builds a tool and returns its origin for the receipt.

    Args:
        tool: what to build.
        go: the Go program.
        into: the file to write; its folder is also the scratch space.

    Raises:
        BuildFailed: with the compiler's last lines.
    """
    with tempfile.TemporaryDirectory(prefix="go-", dir=into.parent) as scratch:
        module = Path(scratch)
        for name in ("go.mod", "go.sum"):
            shutil.copyfile(GOTOOLS / name, module / name)
        argv = (str(go), "build", "-mod=readonly", "-trimpath", "-ldflags", linker_flags(tool), "-o", str(into), tool.package)
        try:
            process.run(argv, cwd=module, env=environment(), limits=_BUILD)
        except ProcessError as error:
            lines = [line.strip() for line in error.stderr.splitlines() if line.strip()][-_TAIL_LINES:]
            text = f"building {tool.name} {tool.version} failed: {' | '.join(lines) or error}"
            raise BuildFailed(text, tool=tool.name) from error
    return f"built from {tool.package}"


def linker_flags(tool: Tool) -> str:
    """The linker flags: no symbols, and the version the program prints."""
    return " ".join(["-s", "-w", *(f"-X {flag.format(version=tool.version)}" for flag in tool.flags)])
