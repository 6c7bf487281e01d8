"""Installed tools: `~/.cache/gitops-agent/tools/<name>-<version>/<name>` with a receipt beside each.

Problem: a program in a cache may be half-written, replaced or rotten, and hashing half a gigabyte at every start is slow.
Decision: a program counts as installed only with its receipt, which is written after it; `verify` hashes always, everything
else compares size and modification time, and hashes when these moved and once per process before the first use.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gitops_agent.config.directories import tool_cache
from gitops_agent.errors import AgentError
from gitops_agent.file_lock import FileLock
from gitops_agent.toolchain.catalog import Tool

_RECEIPT = "receipt.json"


class ToolDamaged(AgentError):
    """An installed program is not the one its receipt speaks of."""

    reason = "ToolDamaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """How a program came here.

    Attributes:
        sha256: of the program.
        size: in bytes.
        modified_ns: its modification time.
        origin: `built from …` or the URL it was downloaded from.
        installed_at: ISO 8601, UTC.
    """

    sha256: str
    size: int
    modified_ns: int
    origin: str
    installed_at: str


class ToolCache:
    """The folder of installed tools.

    Args:
        root: the folder; the user's cache when None (`XDG_CACHE_HOME` is honoured).
    """

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or tool_cache()
        self._hashed: set[Path] = set()

    def path(self, tool: Tool) -> Path:
        """Where the program lies when it is installed."""
        return self.root / f"{tool.name}-{tool.version}" / tool.name

    def receipt(self, tool: Tool) -> Receipt | None:
        """The receipt of an installed program; None when missing or unreadable."""
        try:
            return Receipt(**json.loads((self.path(tool).parent / _RECEIPT).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def installed(self, tool: Tool) -> Path | None:
        """The program by a cheap check; None when missing or damaged."""
        path = self.path(tool)
        try:
            self._check(tool, thorough=path not in self._hashed)
        except ToolDamaged:
            return None
        self._hashed.add(path)
        return path

    def verify(self, tool: Tool) -> Receipt:
        """Hashes the program and compares.

        Raises:
            ToolDamaged: it is missing, has no receipt, or is not what the receipt says.
        """
        return self._check(tool, thorough=True)

    def present(self, tool: Tool) -> bool:
        """Whether a program with a receipt lies there, without looking closer."""
        return self.receipt(tool) is not None and self.path(tool).is_file()

    def lock(self, tool: Tool) -> FileLock:
        """What to hold while installing the tool."""
        return FileLock(self.root / f".{tool.name}-{tool.version}.lock")

    def draft(self, tool: Tool) -> tempfile.TemporaryDirectory[str]:
        """A scratch folder of the same file system, for atomic moves."""
        self.root.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=f".{tool.name}-", dir=self.root)

    def put(self, tool: Tool, program: Path, *, origin: str) -> Path:
        """Moves a finished program into place, then writes its receipt.

        Raises:
            OSError: the disk is full or the folder cannot be written.
        """
        program.chmod(0o755)
        path = self.path(tool)
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / _RECEIPT).unlink(missing_ok=True)
        os.replace(program, path)  # noqa: PTH105 - says that what was there goes
        facts = path.stat()
        receipt = Receipt(
            sha256=sha256(path),
            size=facts.st_size,
            modified_ns=facts.st_mtime_ns,
            origin=origin,
            installed_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        draft = path.parent / f".{_RECEIPT}"
        draft.write_text(json.dumps(dataclasses.asdict(receipt), indent=2) + "\n")
        draft.replace(path.parent / _RECEIPT)
        self._hashed.add(path)
        return path

    def _check(self, tool: Tool, *, thorough: bool) -> Receipt:
        path, receipt = self.path(tool), self.receipt(tool)
        if receipt is None:
            raise ToolDamaged(f"{tool.name} {tool.version} is not installed", tool=tool.name)
        try:
            facts = path.stat()
        except OSError as error:
            raise ToolDamaged(f"{path} cannot be read: {error.strerror}", tool=tool.name) from error
        moved = (facts.st_size, facts.st_mtime_ns) != (receipt.size, receipt.modified_ns)
        if (thorough or moved) and (facts.st_size != receipt.size or sha256(path) != receipt.sha256):
            text = f"{path} is not what was installed: its SHA-256 differs from the receipt"
            raise ToolDamaged(text, tool=tool.name, path=str(path))
        return receipt


def sha256(path: Path) -> str:
    """The digest of a file's content in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
