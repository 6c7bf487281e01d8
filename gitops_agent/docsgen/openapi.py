"""Writes the dashboard's API description: `python -m gitops_agent.docsgen.openapi DIRECTORY`."""

from __future__ import annotations

import sys
from pathlib import Path

from gitops_agent.server.openapi import text


def write(directory: Path) -> None:
    """Writes `openapi.json` into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "openapi.json").write_text(text())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
