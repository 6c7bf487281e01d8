"""Takes a process's rights away before it reads a repository.

Problem: helm, kustomize and our own parsers run over files that many people write; one that is led to an address reaches what
listens on this machine, and one that is taken over reads every file of this user. Decision: the render process gives up what it
does not need, once, and everything it starts inherits that. It takes a network namespace of its own, where nothing is up, not
even loopback. Landlock allows it to read its programs and libraries, to write its scratch folder, and no TCP. Where the kernel
or a seccomp profile refuses one of the two, the other one holds; where it refuses both, proxies that lead nowhere remain.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import resource
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gitops_agent.config.directories import tool_cache

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_SET_CHILD_SUBREAPER = 4, 38, 36
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION, _BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 0b1, 0b10, 0b100, 0b1000
_DEVICES, _TRUNCATE, _IOCTL = (1 << 6) | (1 << 10) | (1 << 11), 1 << 14, 1 << 15
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
"""Rights about files that each version of Landlock has."""
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL
_TCP_FROM, _SCOPES_FROM = 4, 6
_PROCESSES = 1024

_READ = _READ_FILE | _READ_DIR
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/opt", "/nix/store")
_CONFIGURATION = ("/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives", "/proc", "/sys/fs/cgroup", "/sys/kernel/mm")
_HARMLESS = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """What was taken away.

    Attributes:
        network: `namespace`, `landlock` (TCP only) or empty.
        files: whether only programs, libraries and the scratch folder can be read.
    """

    network: str
    files: bool


def confine(*, scratch: Path, programs: Iterable[Path], own_user: bool) -> Confinement:
    """Confines this process and all it starts, for good.

    Args:
        scratch: the one folder that stays writable.
        programs: what it starts. A script needs other programs wherever they lie; with one, all files stay readable.
        own_user: whether no other process runs as this user, so that the number of its processes can be limited.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    # Programs of the same user read the memory of a process that may be dumped.
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    namespace = libc.unshare(_NEW_USER | _NEW_NET) == 0
    if own_user or (namespace and _counts_by_namespace()):
        _, hard = resource.getrlimit(resource.RLIMIT_NPROC)
        most = _PROCESSES if hard == resource.RLIM_INFINITY else min(_PROCESSES, hard)
        resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    version = max(0, libc.syscall(_CREATE, None, 0, _VERSION))
    readable = [] if any(_is_script(program) for program in programs) else [*programs]
    files = version > 0 and bool(readable)
    restricted = version > 0 and _landlock(libc, version, scratch, readable if files else None)
    tcp = restricted and version >= _TCP_FROM
    return Confinement(network="namespace" if namespace else "landlock" if tcp else "", files=files and restricted)


def _landlock(libc: ctypes.CDLL, version: int, scratch: Path, programs: list[Path] | None) -> bool:
    """Restricts files, unless `programs` is None, TCP and signals."""
    supported = _RIGHTS[max(each for each in _RIGHTS if each <= version)]
    rights = supported if programs is not None else 0
    tcp = 0b11 if version >= _TCP_FROM else 0
    scopes = 0b11 if version >= _SCOPES_FROM else 0  # abstract sockets and signals of others
    size = 24 if version >= _SCOPES_FROM else 16 if version >= _TCP_FROM else 8
    if not rights and not tcp:
        return False
    rules = libc.syscall(_CREATE, struct.pack("=QQQ", rights, tcp, scopes)[:size], size, 0)
    if rules < 0:
        return False
    try:
        if programs is not None:
            ours = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[3]]
            for folder in (*map(Path, _SYSTEM), *ours, tool_cache(), *(program.resolve().parent for program in programs)):
                _allow(libc, rules, folder, (_READ | _EXECUTE) & supported)
            for path in map(Path, _CONFIGURATION):
                _allow(libc, rules, path, _READ)
            for path in map(Path, _HARMLESS):
                _allow(libc, rules, path, (_READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL) & supported)
            _allow(libc, rules, scratch, supported & ~_DEVICES & ~_IOCTL)
        return bool(libc.syscall(_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: Path, rights: int) -> None:
    """Allows rights below a path, where it exists."""
    with contextlib.suppress(OSError):
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rights &= -1 if path.is_dir() else _OF_FILES
            libc.syscall(_ADD, rules, _BENEATH, struct.pack("=Qi", rights, opened), 0)
        finally:
            os.close(opened)


def _counts_by_namespace() -> bool:
    """Whether each user namespace counts its own processes (since Linux 5.14)."""
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return version is not None and (int(version[1]), int(version[2])) >= (5, 14)


def _is_script(program: Path) -> bool:
    try:
        with program.open("rb") as file:
            return file.read(2) == b"#!"
    except OSError:
        return False
