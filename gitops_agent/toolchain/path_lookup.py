"""Finds programs on PATH with the lock's major and minor version."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from gitops_agent import process
from gitops_agent.errors import ProcessError
from gitops_agent.toolchain.catalog import Tool

_ASK_SECONDS = 20.0


def find(tool: Tool) -> tuple[Path, str] | None:
    """The program on PATH and its version; None unless it matches."""
    path = shutil.which(tool.name)
    if path is None:
        return None
    version = ask_version(tool, Path(path))
    if version is None or not version.startswith(f"{tool.minor}."):
        return None
    return Path(path).absolute(), version


def ask_version(tool: Tool, program: Path) -> str | None:
    """The version a program reports; None when it does not."""
    try:
        answer = process.run((str(program), *tool.asks_version), limits=process.Limits(seconds=_ASK_SECONDS))
    except ProcessError:
        return None
    match = re.search(r"\bv?(\d+\.\d+\.\d+)", answer.stdout.decode("utf-8", "replace"))
    return match[1] if match else None
