"""Renders in processes that hold no credential, and survives all they do.

A worker is kept from one render to the next, so that none costs the start of an interpreter. One that hangs, dies, uses too
much or answers what is no render fails that render, with the same reasons as a program that does, and is replaced.
"""

from __future__ import annotations

import contextlib
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.render.decryption.decrypted_tree import DecryptedTree
from gitops_agent.render.decryption.keyring import Keyring
from gitops_agent.render.decryption.scope import scope_of
from gitops_agent.render.memory import memory_folder
from gitops_agent.render.renderer import content_key
from gitops_agent.render.request import Failure, Rendered, RenderLimits, RenderRequest, rendered
from gitops_agent.render.secret_check import SecretCheck
from gitops_agent.render.tool_versions import ToolVersions
from gitops_agent.render.worker.channel import Channel, ChannelError
from gitops_agent.render.worker.launch import Dialer, ProcessDialer
from gitops_agent.render.worker.messages import request_head
from gitops_agent.render.worker.result import Result
from gitops_agent.render.worker.tree_server import TreeServer
from gitops_agent.revision.tree import Tree

_GRACE_SECONDS = 5.0
"""After the time of a program, which ends itself and can say more."""
_HANG_UP_SECONDS = 5.0
_MEBIBYTE = 1024 * 1024


@dataclass(slots=True, eq=False)
class _Line:
    """A connection to a worker.

    Attributes:
        channel: the connection.
        used: whether it has served a render.
        answered: whether the worker has answered since the last request.
    """

    channel: Channel
    used: bool = False
    answered: bool = False


class _Died(Exception):
    """The worker ended; `code` is its exit code, negative for a signal."""

    cause = "died"

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class RenderWorkers:
    """Renders like a `Renderer`, elsewhere; safe to use from several threads.

    Args:
        dialer: reaches the workers.
        limits: what one render may use.
        programs: helm and kustomize, None where they are looked for; for the keys of renders.
    """

    def __init__(self, dialer: Dialer, *, limits: RenderLimits, programs: dict[str, Path | None]) -> None:
        self._dialer, self._limits, self._versions = dialer, limits, ToolVersions(programs)
        self._lock = threading.Lock()
        self._idle: list[_Line] = []
        self._stopped = False

    def key(self, request: RenderRequest) -> str:
        """See `Renderer.key`."""
        return content_key(request, self._versions.now())

    def render(self, tree: Tree, request: RenderRequest) -> Rendered:
        """The objects at the request's path.

        Raises:
            RenderError: the files do not render; the reason says why.
            SourceError: a file cannot be read.
        """
        return rendered(self.attempt(tree, request))

    def attempt(self, tree: Tree, request: RenderRequest, *, cancel: threading.Event | None = None) -> Rendered | Failure:
        """See `Renderer.attempt`; what is encrypted is decrypted here."""
        try:
            check = SecretCheck(tree, request, self._limits)
            if request.options is not None and request.options.decryption is not None:
                tree = DecryptedTree(tree, Keyring(request.keys), scope_of(tree, request), check.decrypted)
        except (RenderError, SourceError) as error:
            return Failure(error=error, closure=None, passing=False)
        return check.judged(self._attempt(tree, request, cancel))

    def _attempt(self, tree: Tree, request: RenderRequest, cancel: threading.Event | None) -> Rendered | Failure:
        deadline = time.monotonic() + self._limits.seconds + _GRACE_SECONDS
        try:
            head = request_head(request, self._limits, tree.commit)
        except RenderError as error:
            return Failure(error=error, closure=None, passing=False)
        while True:
            try:
                line = self._take()
            except RenderError as error:
                return Failure(error=error, closure=None, passing=True)
            try:
                line.channel.limit(deadline, cancel)
                return self._converse(line, tree, head)
            except (ChannelError, _Died) as error:
                if error.cause in ("closed", "died") and line.used and not line.answered:
                    continue  # it ended while it was idle
                return _failure(error, self._limits)

    def start(self) -> None:
        """Starts what the first render will need."""
        self._dialer.start()

    def stop(self) -> None:
        """Ends all workers that are idle, and what was started here."""
        with self._lock:
            self._stopped = True
            idle, self._idle = self._idle, []
        for line in idle:
            line.channel.close()
        self._dialer.close()

    def _take(self) -> _Line:
        with self._lock:
            if self._idle:
                line = self._idle.pop()
                line.used, line.answered = True, False
                return line
        return _Line(Channel(self._dialer.connect()))

    def _converse(self, line: _Line, tree: Tree, head: dict[str, Any]) -> Rendered | Failure:
        """One render; the worker is kept when it ends well."""
        server = TreeServer(tree, line.channel, self._limits)
        result = Result(self._limits)
        keep = False
        try:
            server.start(head)
            while True:
                message = line.channel.receive()
                if "died" in message.head:
                    raise _Died(int(message.head["died"]))
                line.answered = True
                if "ask" in message.head:
                    server.answer(message.head)
                    continue
                outcome = result.take(message)
                if outcome is not None:
                    keep = message.head.get("last") is False
                    return outcome
        finally:
            self._release(line, keep=keep)

    def _release(self, line: _Line, *, keep: bool) -> None:
        with self._lock:
            if keep and not self._stopped:
                self._idle.append(line)
                return
        line.channel.hang_up(_HANG_UP_SECONDS)


@contextlib.contextmanager
def local_workers(limits: RenderLimits | None = None) -> Iterator[RenderWorkers]:
    """Workers on this machine until the end of the block."""
    programs: dict[str, Path | None] = {"helm": None, "kustomize": None}
    with tempfile.TemporaryDirectory(prefix="gitops-agent-", dir=memory_folder()) as scratch:
        workers = RenderWorkers(ProcessDialer(Path(scratch), programs), limits=limits or RenderLimits(), programs=programs)
        try:
            yield workers
        finally:
            workers.stop()


def _failure(problem: ChannelError | _Died, limits: RenderLimits) -> Failure:
    """The failure of a render whose worker is gone."""
    code = problem.code if isinstance(problem, _Died) else 0
    cause = {-signal.SIGXCPU: "timeout", -signal.SIGKILL: "memory"}.get(code, problem.cause)
    reason = {"timeout": "RenderTimeout", "memory": "RenderTooLarge"}.get(cause, "RenderFailed")
    if cause == "timeout":
        text = f"the render was still running after {limits.seconds:g} s and was ended"
    elif cause == "cancelled":
        text = "the render was ended because its result is no longer wanted"
    elif cause == "memory":
        text = f"the render was killed; it may use {limits.memory_bytes // _MEBIBYTE} MiB of memory"
    elif cause == "invalid":
        text = "the render was refused: what came out of it is no set of Kubernetes objects within the limits"
    else:
        how = f" (signal {-code})" if code < 0 else f" (exit code {code})" if code else ""
        text = f"the process that renders ended unexpectedly{how}"
    return Failure(error=RenderError(text, reason=reason, cause=cause), closure=None, passing=True)
