"""The process that owns a sandbox: starts, watches and stops components.

Problem: five programs must come up in order, be restartable one by one, and never outlive the sandbox, not even when its owner
is killed with -9. Decision: one small process per sandbox whose *main thread* starts every component with
PR_SET_PDEATHSIG, so the kernel ends them with it; it holds the folder's lock for as long as it lives; and it waits in a
single `select` for signals, requests and the end of the process it is tied to (a pidfd, so no polling and no reused process
ids). A component that dies is not started again: what died, when and with which last words is written down, since a control
plane that heals itself behind one's back is no test tool.

Run as `python -m gitops_agent.sandbox.supervisor JSON`; see `Order`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitops_agent.errors import AgentError, ClusterError
from gitops_agent.file_lock import Busy, FileLock
from gitops_agent.sandbox import bootstrap, control_socket
from gitops_agent.sandbox.components import Layout, arguments
from gitops_agent.sandbox.data_dir import LOCK_FILE, SOCKET, clean
from gitops_agent.sandbox.managed_process import ManagedProcess
from gitops_agent.sandbox.ports import free_ports
from gitops_agent.sandbox.spec import SandboxSpec
from gitops_agent.sandbox.state import Phase, State

_TICK_SECONDS = 0.03
_REQUEST_SECONDS = 2.0
_BOOT_TRIES = 3
_FIRST = ("etcd", "kube-apiserver")


class Ended(Exception):
    """The sandbox was asked to end, or its tied process ended."""


class Supervisor:
    """Runs one sandbox; every method belongs to the main thread."""

    def __init__(self, order: SandboxSpec) -> None:
        self._order = order
        self._directory = Path(order.directory)
        self._selector = selectors.DefaultSelector()
        self._children: dict[str, ManagedProcess] = {}
        self._state = State(phase=Phase.STARTING, supervisor=os.getpid(), tied_to=order.tied_to, nodes=order.nodes)
        self._server: socket.socket | None = None

    def run(self) -> int:
        """Runs until stopped; returns the exit code."""
        signals = self._catch_signals()
        lock = FileLock(self._directory / LOCK_FILE, wait=False)
        try:
            lock.acquire()
        except Busy:
            return 0
        try:
            with contextlib.ExitStack() as stack:
                stack.callback(self._end_children)
                try:
                    self._watch(signals)
                    clean(self._directory, keep=(LOCK_FILE,))
                    self._server = control_socket.listen(self._directory)
                    self._selector.register(self._server, selectors.EVENT_READ, self._serve)
                    self._boot()
                    while True:
                        self._turn(None)
                except Ended:
                    pass
                except (AgentError, OSError) as error:
                    self._end_children()
                    self._write(phase=Phase.FAILED, error=str(error))
                    return 1
            clean(self._directory)
        finally:
            lock.release()
        return 0

    # Waiting

    def _catch_signals(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        self._keep = theirs
        return ours

    def _watch(self, signals: socket.socket) -> None:
        self._selector.register(signals, selectors.EVENT_READ, self._take_signals)
        if self._order.tied_to is None:
            return
        try:
            pidfd = os.pidfd_open(self._order.tied_to)
        except ProcessLookupError:
            raise Ended from None
        self._selector.register(pidfd, selectors.EVENT_READ, self._tie_broken)

    def _turn(self, seconds: float | None) -> None:
        """Waits for the next event, for a limited time, and handles it.

        Raises:
            Ended: the sandbox is to end.
        """
        for key, _ in self._selector.select(seconds):
            key.data(key.fileobj)

    def _until(self, ready: Callable[[], bool], *, step: str, deadline: float, vital: tuple[str, ...] = ()) -> None:
        """Handles events until `ready`; fails on a component's death or deadline."""
        self._write(step=step)
        while True:
            dead = [self._children[name] for name in vital or self._order.components if not self._children[name].alive]
            if dead:
                raise bootstrap.BootError(f"{dead[0].name} ended with code {dead[0].exit_code}: {dead[0].last_words()}")
            with contextlib.suppress(ClusterError, OSError):
                if ready():
                    return
            if time.monotonic() > deadline:
                raise bootstrap.BootError(f"not ready within {self._order.timeout_seconds:g} s while waiting for {step}")
            self._turn(_TICK_SECONDS)

    def _take_signals(self, ours: Any) -> None:
        for number in ours.recv(4096):
            if number == signal.SIGCHLD:
                self._reap()
            else:
                raise Ended

    def _tie_broken(self, _: Any) -> None:
        raise Ended

    def _reap(self) -> None:
        if [child for child in self._children.values() if child.reap()]:
            self._write()

    # Starting

    def _boot(self) -> None:
        started = time.monotonic()
        self._write(started_at=datetime.now(UTC).isoformat(timespec="seconds"))
        for attempt in range(1, _BOOT_TRIES + 1):
            try:
                self._boot_once(deadline=started + self._order.timeout_seconds)
                break
            except bootstrap.BootError as error:
                taken = any("address already in use" in child.tail() for child in self._children.values())
                if attempt == _BOOT_TRIES or not taken:
                    raise
                self._end_children()
                clean(self._directory, keep=(LOCK_FILE, SOCKET))
                self._write(step=f"other ports ({error})")
        self._write(phase=Phase.READY, step="", seconds=round(time.monotonic() - started, 2))

    def _boot_once(self, *, deadline: float) -> None:
        (api,) = free_ports(1)
        network = self._order.network
        layout = Layout(directory=self._directory, api_port=api, network=network)
        env = {"PATH": os.pathsep.join((*self._order.path, os.environ.get("PATH", os.defpath)))}
        secrets = bootstrap.prepare(layout)
        self._children = {}
        for name in self._order.components:
            program, version = self._order.binaries[name]
            argv = (program, *arguments(name, layout), *self._order.extra.get(name, ()))
            self._children[name] = ManagedProcess(name, version, argv, layout.log(name), layout.ports(name), env=env)
        starting = bootstrap.Bootstrap(layout=layout, tokens=secrets, nodes=self._order.nodes)
        self._start(_FIRST)
        self._write(url=layout.url)
        self._until(starting.api_answers, step="kube-apiserver to answer", deadline=deadline, vital=_FIRST)
        # The others come up while the API server gets ready. They give it only seconds, so on a busy machine they may be
        # gone by then; that is no failure yet.
        self._start(self._order.components[2:])
        self._until(starting.nodes_made, step="nodes to be created", deadline=deadline, vital=_FIRST)
        self._until(starting.api_ready, step="kube-apiserver to be ready", deadline=deadline, vital=_FIRST)
        self._start(self._order.components[2:])
        self._until(starting.nodes_ready, step="nodes to be ready", deadline=deadline)
        self._until(starting.controllers_work, step="the controllers", deadline=deadline)
        if network:
            self._until(starting.services_work, step="kube-proxy", deadline=deadline)

    def _start(self, names: tuple[str, ...]) -> None:
        """Starts those of the components that do not run."""
        for name in names:
            self._children[name].start()

    # Requests

    def _serve(self, server: Any) -> None:
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            return
        with connection:
            connection.settimeout(_REQUEST_SECONDS)
            request: dict[str, Any] = {}
            try:
                request = control_socket.receive(connection)
                self._handle_command(request)
                answer: dict[str, Any] = {"ok": True}
            except AgentError as error:
                answer = {"ok": False, "error": str(error)}
            except OSError:
                return
            with contextlib.suppress(OSError):
                control_socket.send(connection, answer)
        if request.get("do") == "stop":
            raise Ended

    def _handle_command(self, request: dict[str, Any]) -> None:
        verb, name = request.get("do"), str(request.get("component"))
        if verb == "stop":
            return
        components = self._order.components
        if verb not in ("halt", "resume", "restart") or name not in components:
            raise AgentError(f"cannot {verb} {name}: the components are {', '.join(components)}", reason="Usage")
        if self._state.phase is not Phase.READY:
            raise AgentError("the sandbox is still starting", reason="SandboxStarting", transient=True)
        child = self._children[name]
        if verb in ("halt", "restart"):
            child.stop(grace_seconds=float(request.get("grace_seconds") or 0.0))
        if verb in ("resume", "restart"):
            child.start()
        self._write()

    # Ending and writing down

    def _end_children(self) -> None:
        for child in reversed(self._children.values()):
            child.kill()
        for child in self._children.values():
            child.stop(grace_seconds=0.0)

    def _write(self, **changes: Any) -> None:
        components = tuple(child.state() for child in self._children.values())
        self._state = dataclasses.replace(self._state, components=components, **changes)
        self._state.write(self._directory)


def _detach() -> None:
    """Detaches from the starter, and is adopted by init."""
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    os.close(reading)
    os.close(writing)


def main() -> int:
    """Reads the order from the first argument, detaches and runs."""
    order = SandboxSpec.parse(sys.argv[1])
    _detach()
    return Supervisor(order).run()


if __name__ == "__main__":
    sys.exit(main())
