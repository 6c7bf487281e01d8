"""Network namespace of a sandbox, in which pod addresses answer.

Problem: pods that KWOK plays have addresses without listeners, EndpointSlices refuse those of loopback (127.0.0.0/8), and
addresses, routes and packet rules of the machine are not ours to touch. Decision: a network namespace that holds everything
(API server, agent, proxies, pods, load) and ends with the last process in it. Inside it all addresses of pods and Services are
local, so that a server bound to 0.0.0.0 answers for every pod, and nothing can leave: there is no other interface.

`enter` replaces the calling program by itself inside such a namespace (util-linux's `unshare`; without root in a user namespace
as well), `set_up` gives it its addresses.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from gitops_agent import process
from gitops_agent.errors import AgentError, ProcessError
from gitops_agent.sandbox.components import HOST_ADDRESS, PODS_CIDR, SERVICES_CIDR
from gitops_agent.toolchain.system_packages import ProgramMissing, SystemPackages

_MARK = "GITOPS_AGENT_NETWORK"
_TRY = process.Limits(seconds=20.0)

_STEPS = (
    ("link", "set", "lo", "up"),
    ("route", "add", "local", PODS_CIDR, "dev", "lo"),
    ("addr", "add", f"{HOST_ADDRESS}/32", "dev", "lo"),
    ("route", "add", SERVICES_CIDR, "dev", "lo", "src", HOST_ADDRESS),
)


class NoNetwork(AgentError):
    """This machine gives no network namespace."""

    reason = "SandboxFailed"


def inside() -> bool:
    """Whether this process runs in a namespace that `enter` made."""
    return os.environ.get(_MARK) == _namespace()


def enter(argv: tuple[str, ...]) -> None:
    """Re-executes this program in a new network namespace.

    Returns at once when this process is in one.

    Args:
        argv: the same program again, usually `(sys.executable, "-m", …)`.

    Raises:
        NoNetwork: the platform refuses, or a program for it is missing.
    """
    if inside():
        return
    if os.environ.get(_MARK):
        set_up()
        return
    if shutil.which("unshare", path=_path()) is None:
        raise NoNetwork("a network namespace needs the program 'unshare' (package util-linux)")
    try:
        path = f"{SystemPackages().find('ip').parent}{os.pathsep}{_path()}"
    except ProgramMissing as error:
        raise NoNetwork(f"a network namespace needs the program 'ip': {error}") from error
    unshare = ("unshare", "--net") if os.geteuid() == 0 else ("unshare", "--user", "--map-root-user", "--net")
    try:
        process.run((*unshare, "true"), limits=_TRY)
    except ProcessError as error:
        raise NoNetwork(f"this machine gives no network namespace: {error}") from error
    sys.stdout.flush()
    sys.stderr.flush()
    os.execvpe(unshare[0], (*unshare, *argv), os.environ | {_MARK: "new", "PATH": path})  # noqa: S606 - the same program again


def set_up() -> None:
    """Gives the namespace its addresses.

    Raises:
        NoNetwork: it does not take them.
    """
    try:
        for step in _STEPS:
            process.run(("ip", *step), limits=_TRY)
    except ProcessError as error:
        raise NoNetwork(f"the network namespace cannot be set up: {error}") from error
    os.environ[_MARK] = _namespace()


def _namespace() -> str:
    return str(Path("/proc/self/ns/net").readlink())


def _path() -> str:
    """PATH with the folders of administrators' programs, which users often lack."""
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*folders, *(folder for folder in ("/usr/sbin", "/sbin") if folder not in folders)])
