"""Directories of the user, by the XDG base directory specification."""

from __future__ import annotations

import os
from pathlib import Path


def cache_home() -> Path:
    """`XDG_CACHE_HOME`, or `~/.cache` where it is not set or relative."""
    base = os.environ.get("XDG_CACHE_HOME") or ""
    return Path(base) if base.startswith("/") else Path.home() / ".cache"


def user_cache() -> Path:
    """The cache directory of the program: `~/.cache/gitops-agent`."""
    return cache_home() / "gitops-agent"


def tool_cache() -> Path:
    """The directory that installed programs lie in."""
    return user_cache() / "tools"
