"""The one door to Git, and to GitPython.

Problem: git reads a dozen configuration files and two dozen variables, runs hooks, filters and helpers a repository names,
asks on terminals, starts children that outlive it, and repeats URLs and headers in its errors. GitPython starts it well (argv
lists, no shell) but hands our whole environment down, and its `kill_after_timeout` looks for children by parent id at the
moment of the kill, without a limit on output and without a way to cancel.

Decision: GitPython starts every git, as a process, in a session of its own and through `env -i`, so that git sees exactly the
variables named here; `process.supervise` watches it and kills the session as a group at a limit. Nothing but the static
hardening and names of files stands in argv: credentials are in files (`source.access`). `Repo` objects are not used at all:
they hold child processes until they are collected, and reading trees through them is several times slower than `ls-tree` and
`cat-file`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from subprocess import PIPE

from gitops_agent import process
from gitops_agent.errors import ProcessError

_CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.askPass=",
    "core.alternateRefsCommand=true",
    "core.bigFileThreshold=16m",  # larger blobs are streamed, not held
    "core.deltaBaseCacheLimit=32m",
    "core.packedGitLimit=128m",
    "core.packedGitWindowSize=16m",
    "fetch.fsckObjects=true",
    "fetch.recurseSubmodules=false",
    "fetch.unpackLimit=1",  # every fetch stays one pack: loose objects would cost an inode each
    "fetch.writeCommitGraph=false",
    "gc.auto=0",  # nothing that a rewritten branch lost is thrown away; see Mirror.tidy
    "log.showSignature=false",
    "maintenance.auto=false",
    "pack.threads=1",
    "pack.windowMemory=64m",
    "protocol.ext.allow=never",
    "submodule.recurse=false",
    "transfer.fsckObjects=true",
    "uploadpack.allowFilter=false",
    # Old imports wrote such dates and names; they are harmless here and the history cannot be changed any more.
    *(
        f"fetch.fsck.{finding}=warn"
        for finding in (
            "badDate",
            "badDateOverflow",
            "badEmail",
            "badName",
            "badTimezone",
            "missingEmail",
            "missingNameBeforeEmail",
            "missingSpaceBeforeDate",
            "missingSpaceBeforeEmail",
            "multipleAuthors",
            "nulInCommit",
            "zeroPaddedDate",
            "zeroPaddedFilemode",
        )
    ),
)

_MEMORY_BYTES = 512 * 1024 * 1024
_FILE_BYTES = 2 * 1024 * 1024 * 1024
"""Of one pack; what a repository may cost on disk."""

_ENVIRONMENT = {
    "HOME": "/nonexistent",
    "XDG_CONFIG_HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ALLOW_PROTOCOL": "none",  # reading a mirror needs no network; source.access opens the one protocol of a repository
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What one call adds to the hardened setting.

    Attributes:
        environment: more variables; never a credential, only names of files.
        config: more `name=value` pairs; likewise.
        secrets: texts that must not appear in what the call reports.
        headers: where git traces the headers of answers; None without a trace.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    config: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    headers: Path | None = None


def run(
    directory: Path,
    *arguments: str,
    setting: Setting | None = None,
    stdin: bytes | None = None,
    limits: process.Limits | None = None,
    allowed: frozenset[int] = frozenset({0}),
    cancel: threading.Event | None = None,
) -> process.Completed:
    """Runs git on a bare repository to its end.

    Args:
        directory: the repository; git looks for no other one when this one is gone.
        arguments: the subcommand and what follows it.
        setting: see `Setting`.
        stdin: its input; empty when None.
        limits: time, output, memory.
        allowed: exit codes that are no error.
        cancel: ends git early when set.

    Raises:
        ProcessError: as `process.run` does; its texts are redacted.
    """
    setting = setting or Setting()
    limits = limits or process.Limits()
    limits = replace(limits, memory_bytes=min(limits.memory_bytes, _MEMORY_BYTES), file_bytes=limits.file_bytes or _FILE_BYTES)
    started, shown = _start(directory, arguments, setting, stdin=stdin is not None)
    return process.supervise(
        started, shown, stdin=stdin, limits=limits, secrets=setting.secrets, allowed=allowed, cancel=cancel
    )


def serve(directory: Path, *arguments: str) -> process.Process:
    """Starts a git that reads requests from its standard input.

    End it with `process.kill_group`.
    """
    return _start(directory, arguments, Setting(), stdin=True)[0]


def _start(
    directory: Path, arguments: tuple[str, ...], setting: Setting, *, stdin: bool
) -> tuple[process.Process, tuple[str, ...]]:
    try:
        import git
    except ImportError as error:  # GitPython looks for the program when it is imported
        raise ProcessError("git is not installed", command=("git",), returncode=None, cause="start") from error

    environment = process.environment(_ENVIRONMENT | dict(setting.environment))
    environment.pop("LANG", None)
    config = [word for pair in (*_CONFIG, *setting.config) for word in ("-c", pair)]
    shown = ("git", *arguments)
    argv = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), "git", *config]
    argv += [f"--git-dir={directory}", *arguments]
    try:
        wrapper = git.Git(os.sep).execute(
            argv,
            as_process=True,
            istream=PIPE if stdin else None,
            start_new_session=True,
        )
    except (OSError, git.GitCommandNotFound) as error:
        raise ProcessError("git could not be started", command=shown, returncode=None, cause="start") from error
    # The wrapper would send a signal when it is collected; from here on the process belongs to its supervisor.
    started, wrapper.proc = wrapper.proc, None
    if started is None:
        raise ProcessError("git could not be started", command=shown, returncode=None, cause="start")
    return started, shown
