"""Keys on a user's machine, where sops looks for them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from gitops_agent.errors import UsageError
from gitops_agent.render.decryption.keys.age import SUFFIX
from gitops_agent.render.decryption.keys.kind import KeyMaterial

_LARGEST_BYTES = 1024 * 1024
_TEXT, _FILE, _SSH_FILE = "SOPS_AGE_KEY", "SOPS_AGE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_FILE"


def local_keys(files: Iterable[Path] = ()) -> KeyMaterial | None:
    """The keys of files and of sops' own variables; None without any.

    Args:
        files: named by the user; a name without a known ending is that of age identities.

    Raises:
        UsageError: a file cannot be read.
    """
    data: dict[str, bytes] = {}
    for number, file in enumerate(files):
        data[_name(file, number)] = _content(file)
    if not data:
        if text := os.environ.get(_TEXT):
            data[f"{_TEXT}{SUFFIX}"] = text.encode()
        for variable in (_FILE, _SSH_FILE):
            if path := os.environ.get(variable):
                data[f"{variable}{SUFFIX}"] = _content(Path(path))
        default = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "sops" / "age" / "keys.txt"
        if not data and default.is_file():
            data[f"keys.txt{SUFFIX}"] = _content(default)
    return KeyMaterial(source="the keys of this machine", data=data) if data else None


def _name(file: Path, number: int) -> str:
    return (
        file.name if file.name.endswith((SUFFIX, ".asc")) or file.name.startswith("sops.") else f"{number}-{file.name}{SUFFIX}"
    )


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_LARGEST_BYTES)
    except OSError as error:
        raise UsageError(f"the key file {file} cannot be read: {error.strerror}") from None
