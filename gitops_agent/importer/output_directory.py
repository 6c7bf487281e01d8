"""Writes the result of an import into a directory.

Resources lie below `resources`, so that they are applied as a directory; what this version refuses lies below `waiting`, and
copies of Secrets below `secrets`, readable by their owner only and ignored by Git. What the user declares in Git beside them
lies below `manifests`, and settings of the agent in `settings.yaml`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import orjson

from gitops_agent.importer.report_text import as_json, as_markdown
from gitops_agent.importer.result import ImportResult, file_name
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import dump

_PRIVATE = 0o600
_PRIVATE_FOLDER = 0o700


def write(folder: Path, result: ImportResult, secrets: Iterable[Object]) -> tuple[Path, ...]:
    """Writes resources, report and copies; returns the files."""
    files = [
        *_written(folder / "resources", result.resources),
        *_written(folder / "waiting", result.waiting),
        *_written(folder / "manifests", result.manifests),
    ]
    copies = list(secrets)
    if copies:
        private = folder / "secrets"
        private.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        (private / ".gitignore").write_text("*\n")
        for obj in copies:
            files.append(private / f"{file_name(obj)}.yaml")
            _write_private(files[-1], dump(obj))
    folder.mkdir(parents=True, exist_ok=True)
    if result.settings:
        files.append(folder / "settings.yaml")
        files[-1].write_text(dump(result.settings))
    reports = {
        "report.md": as_markdown(result).encode(),
        "report.json": orjson.dumps(as_json(result), option=orjson.OPT_INDENT_2),
    }
    for name, content in reports.items():
        (folder / name).write_bytes(content)
        files.append(folder / name)
    return tuple(files)


def _written(folder: Path, resources: Iterable[Object]) -> list[Path]:
    files = []
    for resource in resources:
        folder.mkdir(parents=True, exist_ok=True)
        files.append(folder / f"{file_name(resource)}.yaml")
        files[-1].write_text(dump(resource))
    return files


def _write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can ever read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE), "w") as file:
        file.write(text)
