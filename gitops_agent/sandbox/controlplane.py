"""Starts, finds and stops a real control plane in a folder.

    with ControlPlane.start(directory, nodes=3, tied=True) as plane:
        plane.request("GET", "/api/v1/nodes")

The control plane belongs to a supervisor process, not to its starter; this class only calls it. A *tied* one ends
with a given process however that dies. Two callers that start the same folder get the same control plane.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gitops_agent import process
from gitops_agent.errors import AgentError, ClusterError, UsageError
from gitops_agent.file_lock import Busy, FileLock, held
from gitops_agent.manifest.key import Object
from gitops_agent.sandbox import control_socket
from gitops_agent.sandbox.apiclient import ApiClient
from gitops_agent.sandbox.bootstrap import BootError
from gitops_agent.sandbox.components import ORDER, PROXY
from gitops_agent.sandbox.data_dir import ACCOUNTS, KUBECONFIG, LOCK_FILE, clean, make_room, remains
from gitops_agent.sandbox.kubeconfig import read_token, write_kubeconfig
from gitops_agent.sandbox.network import inside as own_network
from gitops_agent.sandbox.spec import SandboxSpec
from gitops_agent.sandbox.state import Phase, State, read_state
from gitops_agent.toolchain.catalog import selected
from gitops_agent.toolchain.installer import Installer
from gitops_agent.toolchain.progress import Detail, Progress, Silent
from gitops_agent.toolchain.system_packages import SystemPackages

_POLL_SECONDS = 0.03
_LAUNCH_SECONDS = 20.0
_STOP_SECONDS = 20.0
TOKEN_SECONDS = 7 * 24 * 3600
"""A demo stays open over night, and tests on a busy machine run for longer than an hour."""


class SandboxDown(AgentError):
    """There is no running sandbox in the folder."""

    reason = "SandboxDown"


class ControlPlane:
    """A running control plane.

    Attributes:
        directory: its folder, absolute.
        kubeconfig: of an administrator.
        host: the API server's URL.
        token: the administrator's.
        authority: the PEM of the certificate to trust.
    """

    def __init__(self, directory: Path, state: State) -> None:
        self.directory = directory
        self.host = state.url
        self.kubeconfig = directory / KUBECONFIG
        self.authority = (directory / "pki" / "apiserver.crt").read_bytes()
        self.token = read_token(self.kubeconfig)
        self._client = ApiClient(self.host, authority=self.authority, token=self.token)

    # Coming and going

    @classmethod
    def start(
        cls,
        directory: Path,
        *,
        nodes: int = 3,
        tied: bool = False,
        tied_to: int | None = None,
        network: bool = False,
        binaries: Mapping[str, tuple[Path, str]] | None = None,
        extra: Mapping[str, tuple[str, ...]] | None = None,
        progress: Progress | None = None,
        timeout_seconds: float = 120.0,
    ) -> ControlPlane:
        """Starts a control plane, or returns the running one, once ready.

        Args:
            directory: an empty or missing folder, or one of an earlier sandbox (whose remains are removed).
            nodes: number of fake nodes.
            tied: ends it with this process, even if that is killed.
            tied_to: the same for another process.
            network: with kube-proxy and pods whose addresses can be served; this process must be in a network of the sandbox's
                own, see `network.py`.
            binaries: path and version of each component; those of the tool lock when None, installed when missing.
            extra: further arguments per component.
            progress: receives the conditions waited for.
            timeout_seconds: until everything must be ready.

        Raises:
            UsageError: the folder holds something else.
            BootError: a component died or nothing was ready in time; logs stay in the folder's `logs`.
        """
        directory = directory.absolute()
        shown = progress or Silent()
        running = status(directory)
        if running is not None and running.phase is Phase.READY:
            return cls(directory, running)
        if not held(directory / LOCK_FILE):
            make_room(directory)
            if network and not own_network():
                raise UsageError("a sandbox with a network must be started inside one of its own")
            order = SandboxSpec(
                directory=str(directory),
                nodes=nodes,
                binaries={
                    name: (str(path), version)
                    for name, (path, version) in (binaries or _installed(shown, network=network)).items()
                },
                tied_to=os.getpid() if tied else tied_to,
                extra=extra or {},
                timeout_seconds=timeout_seconds,
                network=network,
                path=(str(SystemPackages(progress=shown).find("nft").parent),) if network else (),
            )
            _launch(order)
        with shown.step("control plane: starting") as detail:
            try:
                return cls._await_ready(directory, detail, timeout_seconds + _LAUNCH_SECONDS)
            except KeyboardInterrupt:
                stop(directory)
                raise

    @classmethod
    def _await_ready(cls, directory: Path, tell: Detail, seconds: float) -> ControlPlane:
        pause = threading.Event()
        begun = time.monotonic()
        started, reported = False, ""
        while True:
            alive = held(directory / LOCK_FILE)
            state = read_state(directory)
            elapsed = time.monotonic() - begun
            started = started or alive
            if alive and state is not None and state.phase is Phase.READY:
                return cls(directory, state)
            if alive and state is not None and state.step != reported:
                reported = state.step
                tell(f"waiting for {reported}")
            if not alive and state is not None and state.phase is Phase.FAILED:
                raise BootError(f"the control plane did not start: {state.error}", logs=str(directory / "logs"))
            if not alive and (started or elapsed > _LAUNCH_SECONDS):
                raise BootError(f"the supervisor of {directory} ended before the control plane was ready")
            if elapsed > seconds:
                raise BootError(f"the control plane in {directory} was not ready after {seconds:g} s")
            pause.wait(_POLL_SECONDS)

    def stop(self) -> None:
        """Ends it and removes its folder; harmless when it has ended."""
        self._client.close()
        stop(self.directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    # Looking and touching

    def state(self) -> State:
        """What runs right now.

        Raises:
            SandboxDown: nothing does.
        """
        state = status(self.directory)
        if state is None:
            raise SandboxDown(f"the sandbox in {self.directory} has ended", directory=str(self.directory))
        return state

    def halt(self, component: str, *, grace_seconds: float = 0.0) -> None:
        """Stops one component until resumed; killed unless given time."""
        control_socket.ask(self.directory, {"do": "halt", "component": component, "grace_seconds": grace_seconds})

    def resume(self, component: str) -> None:
        """Starts a stopped component; see `wait_for_api` for readiness."""
        control_socket.ask(self.directory, {"do": "resume", "component": component})

    def restart(self, component: str, *, grace_seconds: float = 0.0) -> None:
        """Restarts one component with the same ports and data.

        For the API server, returns when it is ready again.
        """
        control_socket.ask(self.directory, {"do": "restart", "component": component, "grace_seconds": grace_seconds})
        if component == "kube-apiserver":
            self.wait_for_api()

    def wait_for_api(self, *, seconds: float = 60.0) -> None:
        """Returns when the API server says it is ready.

        Raises:
            BootError: it did not in time.
        """
        pause = threading.Event()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                self._client.request("GET", "/readyz")
            except ClusterError:
                pause.wait(_POLL_SECONDS)
            else:
                return
        raise BootError(f"the API server was not ready after {seconds:g} s")

    def request(self, method: str, path: str, body: Object | None = None, **options: Any) -> Any:
        """One request with the administrator's rights; see `ApiClient.request`."""
        return self._client.request(method, path, body, **options)

    def service_account_token(self, namespace: str, name: str, *, seconds: int = TOKEN_SECONDS) -> str:
        """A token for a ServiceAccount from the TokenRequest API.

        Valid for so many seconds (at least 600), a week by default.

        Raises:
            ClusterError: there is no such ServiceAccount.
        """
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": seconds}}
        answer = self.request("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", body)
        return str(answer["status"]["token"])

    def service_account_kubeconfig(self, namespace: str, name: str, *, seconds: int = TOKEN_SECONDS) -> Path:
        """A kubeconfig of a ServiceAccount, deleted with the sandbox."""
        return write_kubeconfig(
            self.directory / ACCOUNTS / f"{namespace}_{name}.kubeconfig",
            server=self.host,
            authority=self.authority,
            user=f"system:serviceaccount:{namespace}:{name}",
            token=self.service_account_token(namespace, name, seconds=seconds),
            namespace=namespace,
        )


def status(directory: Path) -> State | None:
    """The live state of a folder's sandbox; None without one.

    Processes are checked, not believed.
    """
    directory = directory.absolute()
    state = read_state(directory)
    if state is None or not held(directory / LOCK_FILE):
        return None
    components = tuple(dataclasses.replace(part, alive=part.alive and _runs(part.pid)) for part in state.components)
    return dataclasses.replace(state, components=components)


def stop(directory: Path) -> bool:
    """Stops a folder's sandbox and removes its data; returns whether any.

    Raises:
        AgentError: the supervisor does not end.
    """
    directory = directory.absolute()
    if not remains(directory):
        return False
    deadline = time.monotonic() + _STOP_SECONDS
    pause = threading.Event()
    lock = FileLock(directory / LOCK_FILE, wait=False)
    requested = False
    while True:
        try:
            lock.acquire()
            break
        except Busy:
            if time.monotonic() > deadline:
                raise
            if not requested:
                requested = _ask_to_stop(directory)
            pause.wait(_POLL_SECONDS)
    try:
        clean(directory)
    finally:
        lock.release()
    return True


def _runs(pid: int | None) -> bool:
    """Whether a process runs; zombies do not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


def _ask_to_stop(directory: Path) -> bool:
    try:
        control_socket.ask(directory, {"do": "stop"}, timeout_seconds=_STOP_SECONDS)
    except AgentError:
        return False
    return True


def _launch(order: SandboxSpec) -> None:
    """Starts the supervisor, which detaches from this process."""
    package = Path(__file__).resolve().parents[2]
    process.run(
        (sys.executable, "-P", "-m", "gitops_agent.sandbox.supervisor", order.json()),
        cwd=Path("/"),
        env={"PYTHONPATH": str(package)},
        limits=process.Limits(seconds=_LAUNCH_SECONDS, inherited=False),
    )


def _installed(progress: Progress, *, network: bool) -> dict[str, tuple[Path, str]]:
    installed = Installer(progress=progress).ensure(selected((*ORDER, PROXY) if network else ORDER))
    return {name: (here.path, here.version) for name, here in installed.items()}
