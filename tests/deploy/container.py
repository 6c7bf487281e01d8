"""A container of the manifests as a process, without a runtime.

A mount namespace with a read-only root that holds the programs and nothing of this machine's state; the volumes of the manifest
are folders at their mount paths. The process has the user, the groups and the arguments of the manifest, no capability and no
way to gain one. What is missing beside a real runtime: cgroup limits, seccomp, and a PID namespace.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from gitops_agent.manifest.key import Object
from gitops_agent.render.binaries import find
from tests.deploy.conftest import ROOT

ENTRYPOINT = "gitops-agent"
IMAGE = {"HOME": "/tmp", "XDG_CACHE_HOME": "/var/cache", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}  # noqa: S108 - as the image
_COPIED = ("ld.so.cache", "ld.so.conf", "passwd", "group", "nsswitch.conf", "alternatives", "ssl")
_END_SECONDS = 20.0


def refusal() -> str:
    """Why this machine cannot do it; empty where it can."""
    done = subprocess.run(("unshare", "--mount", "true"), capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 and os.geteuid() == 0 else f"no right to mount a small file system here: {done.stderr}"


class Container:
    """One container of a pod that runs until it is stopped.

    Args:
        pod: the pod's spec.
        name: of the container.
        folder: for its root and its log.
        volumes: the folder of each volume, by its name.
        more: further folders that it sees, read-only, at their own paths.
        environ: beside what the image and the manifest set.
    """

    def __init__(
        self,
        pod: Object,
        name: str,
        folder: Path,
        *,
        volumes: Mapping[str, Path],
        more: tuple[Path, ...] = (),
        environ: Mapping[str, str] | None = None,
    ) -> None:
        (self.manifest,) = (container for container in pod["containers"] if container["name"] == name)
        self._security = pod["securityContext"] | self.manifest["securityContext"]
        self._volumes, self._more = volumes, more
        self._root, self.log = folder / f"{name}-root", folder / f"{name}.log"
        self._environ = IMAGE | {"PATH": f"{Path(sys.executable).parent}:/tools:/usr/bin:/bin"} | dict(environ or {})
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process."""
        self._root.mkdir(exist_ok=True)
        argv = ("unshare", "--mount", "--propagation", "private", "sh", "-ec", self._script())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(argv, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def stop(self) -> int:
        """Ends it as a kubelet does; returns its exit code."""
        if self.process is None:
            return 0
        self.process.terminate()
        try:
            return self.process.wait(_END_SECONDS)
        finally:
            self.process.kill()
            self.process = None

    def text(self) -> str:
        """What it printed."""
        return self.log.read_text(errors="replace")

    def status(self) -> dict[str, str]:
        """The fields of its `/proc/PID/status`."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def sees(self, path: str) -> bool:
        """Whether a path exists in its file system."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/root{path}").exists()

    def _script(self) -> str:
        root = shlex.quote(str(self._root))
        lines = [f"mount -t tmpfs -o mode=755 root {root}", f"mkdir -p {root}/etc {root}/var {root}/run {root}/tools"]
        lines.append(f"ln -s ../run {root}/var/run")
        lines += [f"if [ -e /etc/{name} ]; then cp -a /etc/{name} {root}/etc/; fi" for name in _COPIED]
        for name in ("bin", "lib", "lib64", "sbin"):
            lines.append(f"if [ -L /{name} ]; then cp -a /{name} {root}/; fi")
        # Before the project, which may lie below one of these paths.
        for mount in self.manifest["volumeMounts"]:
            volume = self._volumes[mount["name"]]
            lines += self._bound(volume, Path(mount["mountPath"]), read_only=mount.get("readOnly", False))
        folders = [Path("/usr"), Path("/proc"), Path("/dev"), ROOT, Path(sys.base_prefix), *self._more]
        folders += [path for path in map(Path, ("/bin", "/lib", "/lib64", "/sbin")) if path.is_dir() and not path.is_symlink()]
        lines += [
            line
            for path in dict.fromkeys(folders)
            for line in self._bound(path, path, read_only=path.parts[1:2] not in (("proc",), ("dev",)))
        ]
        for name in ("helm", "kustomize"):
            lines += [f"touch {root}/tools/{name}", f"mount --bind {shlex.quote(str(find(name).path))} {root}/tools/{name}"]
        lines.append(f"mount -o remount,ro {root}")
        security = self._security
        user = f"--reuid {security['runAsUser']} --regid {security['runAsGroup']} --groups {security['fsGroup']}"
        privileges = "--no-new-privs --bounding-set=-all --inh-caps=-all"
        environ = " ".join(shlex.quote(f"{name}={value}") for name, value in self._environ.items())
        words = shlex.join([*self.manifest.get("command", [ENTRYPOINT]), *self.manifest["args"]])
        lines.append(f"exec chroot {root} {shutil.which('setpriv')} {user} {privileges} env -i {environ} {words}")
        return "\n".join(lines)

    def _bound(self, source: Path, target: Path, *, read_only: bool) -> list[str]:
        inside = shlex.quote(f"{self._root}{target}")
        lines = [f"mkdir -p {inside}", f"mount --rbind {shlex.quote(str(source))} {inside}"]
        return [*lines, f"mount -o remount,bind,ro {inside}"] if read_only else lines
