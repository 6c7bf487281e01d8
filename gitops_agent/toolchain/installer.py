"""Installs tools: from cache, PATH, the publisher's release, or the proxy.

In this order; the last is the Go module proxy.

Two processes never build the same tool twice: a process that waited for the lock checks the cache again. What is installed must
say the right version before it is put into place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops_agent.errors import AgentError
from gitops_agent.file_lock import FileLock, held
from gitops_agent.toolchain import path_lookup
from gitops_agent.toolchain.cache import ToolCache
from gitops_agent.toolchain.catalog import Tool
from gitops_agent.toolchain.download import DiskFull, Downloader, Unreachable, is_full
from gitops_agent.toolchain.go import find_go
from gitops_agent.toolchain.go_build import build
from gitops_agent.toolchain.progress import Progress, Silent


class WrongVersion(AgentError):
    """A program that was built or downloaded says it is something else."""

    reason = "WrongVersion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A tool that can be used.

    Attributes:
        tool: which.
        path: of the program.
        version: it says it has.
        origin: `PATH`, `built from …`, or a URL.
    """

    tool: Tool
    path: Path
    version: str
    origin: str


class Installer:
    """Finds tools and installs the missing ones.

    Args:
        cache: where installed tools are.
        downloader: fetches releases.
        progress: receives everything that takes time.
    """

    def __init__(
        self, cache: ToolCache | None = None, *, downloader: Downloader | None = None, progress: Progress | None = None
    ) -> None:
        self._cache = cache or ToolCache()
        self._downloader = downloader or Downloader()
        self._progress: Progress = progress or Silent()
        self._go: Path | None = None

    def find(self, tool: Tool) -> Installed | None:
        """The tool from the cache or PATH, or None."""
        path = self._cache.installed(tool)
        receipt = self._cache.receipt(tool)
        if path is not None and receipt is not None:
            return Installed(tool=tool, path=path, version=tool.version, origin=receipt.origin)
        installed = path_lookup.find(tool)
        if installed is None:
            return None
        return Installed(tool=tool, path=installed[0], version=installed[1], origin="PATH")

    def ensure(self, tools: tuple[Tool, ...], *, force: bool = False) -> Mapping[str, Installed]:
        """All of the tools by name, installed where they are missing.

        Args:
            tools: which.
            force: installs anew even what is there.

        Raises:
            AgentError: a tool could neither be found nor downloaded nor built; earlier ones stay installed.
        """
        installed: dict[str, Installed] = {}
        for number, tool in enumerate(tools, start=1):
            here = None if force else self.find(tool)
            installed[tool.name] = here or self._install(
                tool, f"[{number}/{len(tools)}] {tool.name} {tool.version}", force=force
            )
        return installed

    def _install(self, tool: Tool, label: str, *, force: bool) -> Installed:
        try:
            with self._locked(tool, label):
                return (None if force else self.find(tool)) or self._make(tool, label)
        except OSError as error:
            text = f"{tool.name} cannot be installed into {self._cache.root}: {error.strerror or error}"
            if is_full(error):
                raise DiskFull(text, tool=tool.name) from error
            raise AgentError(text, reason="ToolMissing", tool=tool.name) from error

    def _make(self, tool: Tool, label: str) -> Installed:
        with self._cache.draft(tool) as folder:
            program = Path(folder) / tool.name
            origin = self._download(tool, program, label) or self._build(tool, program, label)
            version = _tried(tool, program)
            path = self._cache.put(tool, program, origin=origin)
        return Installed(tool=tool, path=path, version=version, origin=origin)

    def _locked(self, tool: Tool, label: str) -> FileLock:
        lock = self._cache.lock(tool)
        if held(lock.path):
            self._progress.say(f"{label}: another process is installing it, waiting")
        return lock

    def _download(self, tool: Tool, program: Path, label: str) -> str | None:
        if self._downloader.dead:
            return None
        try:
            with self._progress.step(f"{label}: downloading") as detail:
                return self._downloader.fetch(tool, program, detail)
        except Unreachable as error:
            self._progress.say(f"{label}: no release to be had ({error}), building it instead")
            program.unlink(missing_ok=True)
            return None

    def _build(self, tool: Tool, program: Path, label: str) -> str:
        if self._go is None:
            self._go = find_go(self._progress)
        with self._progress.step(f"{label}: building"):
            return build(tool, self._go, program)


def _tried(tool: Tool, program: Path) -> str:
    """The version the program reports, which must match the lock."""
    program.chmod(0o755)
    version = path_lookup.ask_version(tool, program)
    if version != tool.version:
        text = f"the program that should be {tool.name} {tool.version} says {version or 'nothing'}"
        raise WrongVersion(text, tool=tool.name)
    return version
