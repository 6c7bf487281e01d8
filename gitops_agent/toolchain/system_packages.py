"""Distribution packages: from PATH, else unpacked into the user's cache.

Problem: the sandbox's own network needs `ip` and `nft`, measurements need a Prometheus, and tests an `ssh` and a registry; none
of them is worth a build from source, nor may the machine be changed for them. Decision: `apt-get download` and `dpkg -x` into a
folder of the cache, with those libraries of the package's dependencies that are not installed, and a small script in front that
finds them. No package is installed, no script of one is run. apt checks what it downloads by the distribution's signed lists.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tempfile
from pathlib import Path

from gitops_agent import process
from gitops_agent.config.directories import tool_cache
from gitops_agent.errors import AgentError, ProcessError
from gitops_agent.file_lock import FileLock
from gitops_agent.toolchain.progress import Progress, Silent

PACKAGES = {
    "docker-registry": "docker-registry",
    "ip": "iproute2",
    "nft": "nftables",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "ssh": "openssh-client",
    "chromium-headless-shell": "chromium-headless-shell",
}
"""The packages that hold the programs, by the programs' names."""

_STARTED_BY_SCRIPT = {"chromium-headless-shell": "usr/lib/chromium/chromium-headless-shell"}
"""Programs that their packages start with a script, which looks for them where an installed package has them."""

_COMPANIONS = {"chromium-headless-shell": ("chromium-common",)}
"""Packages that hold what a program reads from its own folder."""

_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")
_LIMITS = process.Limits(seconds=300.0)
_PASSED = re.compile(r"(?i)^(https?|ftp|no|all)_proxy$|^APT_CONFIG$")
_ONLY_DEPENDS = tuple(f"--no-{kind}" for kind in ("recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"))


class ProgramMissing(AgentError):
    """A program is not there and its package cannot be had."""

    reason = "ToolMissing"


class SystemPackages:
    """Finds programs and unpacks missing ones.

    Args:
        root: the folder for unpacked packages; in the user's cache when None.
        progress: receives everything that takes time.
    """

    def __init__(self, root: Path | None = None, *, progress: Progress | None = None) -> None:
        self._root = root or tool_cache() / "distribution"
        self._progress: Progress = progress or Silent()

    def find(self, name: str) -> Path:
        """The program, ready to start; its folder may be on PATH.

        Raises:
            ProgramMissing: it is neither on PATH nor in the cache, and its package cannot be unpacked.
        """
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_FOLDERS])
        if program := shutil.which(name, path=path):
            return Path(program).absolute()
        package = PACKAGES.get(name, name)
        folder = self._root / package
        launcher = folder / "bin" / name
        if not launcher.is_file():
            with FileLock(self._root / f".{package}.lock"):
                if not launcher.is_file():
                    self._unpack(name, package, folder)
        return launcher

    def _unpack(self, name: str, package: str, folder: Path) -> None:
        for program in ("apt-get", "apt-cache", "dpkg", "dpkg-query"):
            if shutil.which(program) is None:
                text = (
                    f"{name} is not installed and this system has no {program} to fetch it with: install the package {package}"
                )
                raise ProgramMissing(text, program=name)
        try:
            with (
                self._progress.step(f"{name}: unpacking the package {package}"),
                tempfile.TemporaryDirectory(prefix=f".{package}-", dir=self._root) as scratch,
            ):
                self._fill(name, package, Path(scratch), folder)
        except (ProcessError, OSError) as error:
            text = (
                f"{name} is not installed, and its package {package} cannot be unpacked (is the package list fresh?): {error}"
            )
            raise ProgramMissing(text, program=name) from error

    def _fill(self, name: str, package: str, scratch: Path, folder: Path) -> None:
        archives, tree = scratch / "archives", scratch / "tree"
        for path in (archives, tree):
            path.mkdir()
        archives_of = (package, *_COMPANIONS.get(package, ()), *_missing_libraries(package))
        process.run(("apt-get", "download", *archives_of), cwd=archives, env=_environment(), limits=_LIMITS)
        for archive in sorted(archives.glob("*.deb")):
            process.run(("dpkg", "-x", str(archive), str(tree)), limits=_LIMITS)
        for command in {name, *(program for program, of in PACKAGES.items() if of == package)}:
            _launch(command, package, tree, folder)
        shutil.rmtree(folder, ignore_errors=True)
        tree.replace(folder)


def _launch(name: str, package: str, tree: Path, folder: Path) -> None:
    """Writes the script that starts a program from the folder."""
    programs = [path for path in sorted(tree.rglob(name)) if path.is_file() and path.parent.name in ("bin", "sbin")]
    if name in _STARTED_BY_SCRIPT:
        programs = [tree / _STARTED_BY_SCRIPT[name]]
    if not programs:
        raise ProgramMissing(f"the package {package} holds no program {name}", program=name)
    libraries = sorted({path.parent.relative_to(tree) for path in tree.rglob("*.so*")})
    (tree / "bin").mkdir(exist_ok=True)
    launcher = tree / "bin" / name
    search = ":".join(str(folder / path) for path in libraries)
    # Some packages use /bin themselves.
    program = programs[0].rename(tree / f"program-{name}") if programs[0] == launcher else programs[0]
    target = folder / program.relative_to(tree)
    lines = ["#!/bin/sh", *([f"export LD_LIBRARY_PATH={shlex.quote(search)}"] if libraries else [])]
    launcher.write_text("\n".join([*lines, f'exec {shlex.quote(str(target))} "$@"', ""]))
    launcher.chmod(0o755)


def _missing_libraries(package: str) -> tuple[str, ...]:
    """The missing shared libraries of a package, transitively."""
    listing = process.run(("apt-cache", "depends", "--recurse", *_ONLY_DEPENDS, package), env=_environment(), limits=_LIMITS)
    names = set(re.findall(r"^(lib[a-z0-9.+-]+)(?::\w+)?$", listing.stdout.decode(), re.MULTILINE))
    packages = sorted(name for name in names if not name.startswith(("libjs-", "libc6")))
    here = process.run(
        ("dpkg-query", "-W", "-f", "${Package} ${Status}\\n", *packages), allowed=frozenset({0, 1}), limits=_LIMITS
    )
    installed = {line.split()[0] for line in here.stdout.decode().splitlines() if line.endswith(" installed")}
    return tuple(name for name in packages if name not in installed)


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if _PASSED.match(name)}
