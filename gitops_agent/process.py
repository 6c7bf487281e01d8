"""The one door through which programs are started.

Problem: a renderer or git may hang, crash, eat memory, print a gigabyte, ask on a terminal, or leave children behind;
and its error output may repeat a credential. Decision: argv lists only, an environment built from an allow-list, no standard
input unless given, a session of its own that is killed as a group, limits on time, output and resident memory that are watched
from outside (Go programs reserve address space freely, so RLIMIT_AS says little) and held by the kernel a little later, and
redaction of every known secret before any text leaves this module.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from gitops_agent.errors import ProcessError

_PASSED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
"""What a program inherits: where to find programs, how to print, which authorities to trust. Never tokens, never KUBECONFIG."""

Process = subprocess.Popen[bytes]
"""A program that runs."""

_TICK_SECONDS = 0.1
_SLACK_SECONDS = 10
_SLACK_BYTES = 512 * 1024 * 1024
_CHUNK = 65536
_TAIL = 4096
_MEBIBYTE = 1024 * 1024
_LEFT_OUT = "\n[…]\n".encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a program may use.

    Attributes:
        seconds: wall time until the whole group is killed.
        output_bytes: of standard output; of the error output a sixteenth of it is kept, from both ends, and more is never
            fatal.
        memory_bytes: resident memory of all processes of the group together, sampled ten times a second.
        file_bytes: of one file it writes; None for as much as the disk holds.
        idle_seconds: how long it may print nothing at all, for programs that report progress; None for as long as it likes.
        inherited: the kernel limits every process of the program too; not for one that leaves a daemon behind.
    """

    seconds: float = 60.0
    output_bytes: int = 64 * _MEBIBYTE
    memory_bytes: int = 2048 * _MEBIBYTE
    file_bytes: int | None = None
    idle_seconds: float | None = None
    inherited: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A program that ended by itself."""

    stdout: bytes
    stderr: str
    returncode: int
    seconds: float


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The cleaned environment plus `extra`."""
    return {name: os.environ[name] for name in _PASSED if name in os.environ} | dict(extra or {})


def redact(text: str, secrets: Iterable[str]) -> str:
    """The text with all secrets masked.

    Secrets of at least four characters, longest first.
    """
    for secret in sorted((s for s in secrets if len(s) >= 4), key=len, reverse=True):  # noqa: PLR2004 - shorter ones would redact words
        text = text.replace(secret, "***")
    return text


def run(
    argv: tuple[str, ...],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes | None = None,
    limits: Limits | None = None,
    secrets: Iterable[str] = (),
    allowed: frozenset[int] = frozenset({0}),
    cancel: threading.Event | None = None,
    own_session: bool = True,
) -> Completed:
    """Runs a program to its end.

    Args:
        argv: the program (found on PATH when it has no slash) and its arguments.
        cwd: where it runs; the current directory when None.
        env: added to the cleaned environment.
        stdin: its input; empty when None.
        limits: see `Limits`.
        secrets: texts that must not appear in any output this function hands on.
        allowed: exit codes that are no error.
        cancel: ends the program early when set.
        own_session: whether it starts a session; else it stays in ours, with a group of its own, and ends with ours.

    Raises:
        ProcessError: it could not be started, was killed at a limit, or ended with another exit code.
    """
    secrets = tuple(secrets)
    shown = tuple(redact(word, secrets) for word in argv)
    pipe = subprocess.PIPE if stdin is not None else subprocess.DEVNULL
    process = _start(argv, shown, cwd=cwd, env=env, stdin=pipe, own_session=own_session)
    return supervise(process, shown, stdin=stdin, limits=limits, secrets=secrets, allowed=allowed, cancel=cancel)


def supervise(
    process: subprocess.Popen[bytes],
    argv: tuple[str, ...],
    *,
    stdin: bytes | None = None,
    limits: Limits | None = None,
    secrets: Iterable[str] = (),
    allowed: frozenset[int] = frozenset({0}),
    cancel: threading.Event | None = None,
) -> Completed:
    """Supervises a started program to its end; see `run`.

    It runs in a group of its own and with pipes.
    """
    limits = limits or Limits()
    secrets = tuple(secrets)
    shown = tuple(redact(word, secrets) for word in argv)
    name = Path(argv[0]).name
    started = time.monotonic()
    if limits.inherited:
        _restrict(process.pid, limits)
    try:
        out, err, broken = _pump(process, stdin or b"", limits, started, cancel)
    finally:
        kill_group(process)
    _cut(err, limits.output_bytes // 16)
    seconds = time.monotonic() - started
    stderr = redact(err.decode("utf-8", "replace"), secrets)
    if broken is not None:
        cause, text = broken
        raise ProcessError(f"{name} {text}", command=shown, returncode=None, stderr=stderr, cause=cause)
    if process.returncode not in allowed:
        last = next((line.strip() for line in reversed(stderr.splitlines()) if line.strip()), "no error output")
        raise ProcessError(
            f"{name} ended with code {process.returncode}: {last[:500]}",
            command=shown,
            returncode=process.returncode,
            stdout=redact(bytes(out[:_TAIL]).decode("utf-8", "replace"), secrets),
            stderr=stderr,
        )
    return Completed(stdout=bytes(out), stderr=stderr, returncode=process.returncode, seconds=seconds)


def spawn(
    argv: tuple[str, ...],
    *,
    log: IO[bytes],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    tied: bool = True,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Starts a long-running program that logs to `log`.

    In a session of its own.

    Args:
        argv: the program and its arguments.
        log: an open binary file.
        cwd: where it runs.
        env: added to the cleaned environment.
        tied: the kernel kills it when the *thread* that called this dies (PR_SET_PDEATHSIG), so that nothing outlives a
            `kill -9` of ours: call it from the main thread or one that lives as long as the program should.
        stdin: a descriptor for its standard input; empty by default.

    Raises:
        ProcessError: it could not be started.
    """
    shown = tuple(argv)
    try:
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=environment(env),
            start_new_session=True,
            preexec_fn=_die_with_parent if tied else None,
        )
    except OSError as error:
        raise ProcessError(
            f"{argv[0]} could not be started: {error.strerror}", command=shown, returncode=None, cause="start"
        ) from error


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kills and reaps the program's group; harmless when it is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()


def _start(
    argv: tuple[str, ...],
    shown: tuple[str, ...],
    *,
    cwd: Path | None,
    env: Mapping[str, str] | None,
    stdin: int,
    own_session: bool,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=environment(env),
            start_new_session=own_session,
            process_group=None if own_session else 0,
        )
    except OSError as error:
        raise ProcessError(
            f"{shown[0]} could not be started: {error.strerror}", command=shown, returncode=None, cause="start"
        ) from error


def _restrict(pid: int, limits: Limits) -> None:
    """Sets kernel limits, which every process of the program inherits.

    More than is sampled, so that the sampling, which says why, comes first. Not the number of processes: the kernel counts
    those of the user, the agent's own threads among them.
    """
    seconds = int(limits.seconds * (os.cpu_count() or 1)) + _SLACK_SECONDS
    bounds = {resource.RLIMIT_CORE: 0, resource.RLIMIT_CPU: seconds, resource.RLIMIT_DATA: limits.memory_bytes + _SLACK_BYTES}
    if limits.file_bytes is not None:
        bounds[resource.RLIMIT_FSIZE] = limits.file_bytes
    for kind, most in bounds.items():
        with contextlib.suppress(OSError, ValueError):
            _, hard = resource.prlimit(pid, kind)
            bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.prlimit(pid, kind, (bound, bound))


def _pump(
    process: subprocess.Popen[bytes], stdin: bytes, limits: Limits, started: float, cancel: threading.Event | None
) -> tuple[bytearray, bytearray, tuple[str, str] | None]:
    """Feeds and drains the program until it ends or breaks limits.

    Returns its output, its error output, and the limit that was broken.
    """
    out, err = bytearray(), bytearray()
    overrun = ("timeout", f"was still running after {limits.seconds:g} s and was killed")
    with selectors.DefaultSelector() as selector:
        _register(selector, process, out, err, memoryview(stdin))
        sampled = progressed = started
        while selector.get_map():
            now = time.monotonic()
            if now - started > limits.seconds:
                return out, err, overrun
            if cancel is not None and cancel.is_set():
                return out, err, ("cancelled", "was ended because its result is no longer wanted")
            if now - sampled >= _TICK_SECONDS:
                sampled = now
                if _resident_bytes(process.pid) > limits.memory_bytes:
                    return out, err, ("memory", f"used more than {limits.memory_bytes // _MEBIBYTE} MiB and was killed")
            if limits.idle_seconds is not None and now - progressed > limits.idle_seconds:
                return out, err, ("timeout", f"made no progress for {limits.idle_seconds:g} s and was killed")
            for key, _ in selector.select(_TICK_SECONDS):
                progressed = now
                key.data(key)
            if len(out) > limits.output_bytes:
                return out[:_TAIL], err, ("output", f"printed more than {limits.output_bytes // 1024} KiB and was killed")
            if len(err) > limits.output_bytes // 8:
                _cut(err, limits.output_bytes // 16)
    try:
        process.wait(timeout=max(_TICK_SECONDS, limits.seconds - (time.monotonic() - started)))
    except subprocess.TimeoutExpired:
        return out, err, overrun
    return out, err, None


def _cut(text: bytearray, keep: int) -> None:
    """Cuts the middle of a long text, as errors stand outside."""
    if len(text) > keep:
        half = max(1, (keep - len(_LEFT_OUT)) // 2)
        text[half:-half] = _LEFT_OUT


def _register(
    selector: selectors.BaseSelector, process: subprocess.Popen[bytes], out: bytearray, err: bytearray, view: memoryview
) -> None:
    """Registers the handler of each of the program's streams."""

    def drain(key: selectors.SelectorKey, into: bytearray) -> None:
        chunk = os.read(key.fd, _CHUNK)
        if chunk:
            into += chunk
        else:
            selector.unregister(key.fileobj)

    def feed(key: selectors.SelectorKey) -> None:
        nonlocal view
        try:
            view = view[os.write(key.fd, view[:_CHUNK]) :] if view else view
        except BrokenPipeError:
            view = view[:0]
        if not view:
            selector.unregister(key.fileobj)
            if process.stdin is not None:
                process.stdin.close()

    for stream, into in ((process.stdout, out), (process.stderr, err)):
        if stream is not None:
            os.set_blocking(stream.fileno(), False)
            selector.register(stream, selectors.EVENT_READ, partial(drain, into=into))
    if process.stdin is not None:
        os.set_blocking(process.stdin.fileno(), False)
        selector.register(process.stdin, selectors.EVENT_WRITE, feed)


def _resident_bytes(group: int) -> int:
    """Resident memory of a group's processes, from /proc; else 0."""
    total = 0
    page = os.sysconf("SC_PAGE_SIZE")
    with contextlib.suppress(OSError):
        for entry in os.scandir("/proc"):
            if not entry.name.isdigit():
                continue
            with contextlib.suppress(OSError, IndexError, ValueError):
                # Fields after the parenthesised command name: state ppid pgrp session …, rss is the 24th of all.
                with open(f"/proc/{entry.name}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - hundreds, ten times a second
                    fields = file.read(_CHUNK).rpartition(b")")[2].split()
                if int(fields[2]) == group:
                    total += int(fields[21]) * page
    return total


def forbid_dumps() -> None:
    """Keeps this process's memory out of core files and other processes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE = 1, 4
_libc = ctypes.CDLL(None, use_errno=True)


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
