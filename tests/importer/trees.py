"""A tree of files in memory."""

from __future__ import annotations

from pathlib import Path

from gitops_agent.render.worktree import WorkTree


def tree(folder: Path, files: dict[str, str]) -> WorkTree:
    """The files, written below a folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return WorkTree(folder)
