"""Starts a program without a network that dies with the agent.

A program of its own: `process` runs it, nothing imports it.

Problem: a render program that is led to an address reaches what listens on this machine, and one that hangs outlives an agent
that was killed. Both are settled between fork and exec, where a process with threads must run no Python. Decision: this file
runs in a fresh interpreter, without site packages, and becomes the program. It takes a network namespace of its own, where
nothing is up, not even loopback; where the kernel or a seccomp profile refuses that, Landlock forbids TCP; where there is
neither, the program runs as it is, with proxies that lead nowhere.

Usage: confined.py PARENT PROGRAM ARGUMENTS…
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_LANDLOCK_TCP = struct.pack("=QQ", 0, 0b11)
"""Handles no file access, and both TCP rights: bind and connect; no rule allows either."""
_CANNOT_RUN = 126


def main(parent: int, argv: list[str]) -> None:
    """Becomes the program.

    Args:
        parent: the process that waits for it.
        argv: the program, with its path, and its arguments.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before this was known to the kernel
        sys.exit(_CANNOT_RUN)
    if libc.unshare(_NEW_USER | _NEW_NET) != 0:
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        rules = libc.syscall(_LANDLOCK_CREATE, _LANDLOCK_TCP, len(_LANDLOCK_TCP), 0)
        if rules >= 0:
            libc.syscall(_LANDLOCK_RESTRICT, rules, 0)
            os.close(rules)
    try:
        os.execv(argv[0], argv)  # noqa: S606 - the program was chosen by `process`
    except OSError as error:
        sys.stderr.write(f"{argv[0]} could not be started: {error.strerror}\n")
        sys.exit(_CANNOT_RUN)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
