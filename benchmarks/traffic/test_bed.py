"""The test bed of a scenario, in one network namespace.

Everything from `with Stage(folder) as stage` to its end.

    with Stage(folder) as stage, stage.load(stage.gateway.url, headers={"Host": "shop.example"}) as load:
        …
        load.wait(2000)
        assert load.failed == 0

The calling process must be inside the sandbox's network (`gitops_agent.sandbox.network.enter`) and call from its main thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.traffic.backends import Backends
from benchmarks.traffic.gateway import Gateway
from benchmarks.traffic.load import Load
from benchmarks.traffic.prometheus import Prometheus
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sandbox import network
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.demo.cluster import Spectator
from gitops_agent.toolchain.progress import Progress, to_stderr
from gitops_agent.toolchain.system_packages import SystemPackages


class TestBed:
    """The test bed.

    Args:
        directory: an empty folder for everything it keeps.
        progress: receives what is being waited for.

    Attributes:
        directory: that folder; a scenario may put its own things beside.
        plane: the control plane, with kube-proxy.
        spectator: an administrator's view of the cluster.
        backends: the pods' servers.
        gateway: the proxy in front of them; its Gateway, class and the Gateway API's CRDs are installed.
        prometheus: scrapes the pods every second.
    """

    def __init__(self, directory: Path, *, progress: Progress | None = None) -> None:
        self.directory = directory
        self._progress = progress or to_stderr()
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as starting:
            self._start(starting)
            self._stack = starting.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def service_url(self, namespace: str, name: str, *, port: int | None = None) -> str:
        """The URL of a Service for pods: cluster address and port.

        The first port when none is named.

        Raises:
            AgentError: there is no such Service, or it has no address.
        """
        service = self.spectator.get(ObjectKey("", "Service", namespace, name)) or {}
        spec = service.get("spec") or {}
        address = spec.get("clusterIP")
        if not address or address == "None":
            raise AgentError(f"the Service {namespace}/{name} has no address", reason="NotSeen")
        return f"http://{address}:{port or spec['ports'][0]['port']}"

    def load(
        self,
        url: str,
        *,
        rate: float = 50.0,
        headers: Mapping[str, str] | None = None,
        per_connection: int | None = None,
        count: int | None = None,
        seconds: float = 600.0,
    ) -> Load:
        """Steady load on a URL, to be started; see `Load`.

        Connections to the gateway are kept; those to anything else, Services above all, serve one request each, because
        kube-proxy decides by connection where traffic goes.
        """
        kept = url.startswith(self.gateway.url)
        return Load(
            url,
            rate=rate,
            headers=headers,
            per_connection=per_connection or (None if kept else 1),
            count=count,
            seconds=seconds,
        )

    def _start(self, stack: contextlib.ExitStack) -> None:
        if not network.inside():
            raise AgentError(
                "the stage needs a network of its own: call gitops_agent.sandbox.network.enter first", reason="Usage"
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        programs = SystemPackages(progress=self._progress)
        self.plane = stack.enter_context(
            ControlPlane.start(self.directory / "plane", nodes=5, tied=True, network=True, progress=self._progress)
        )
        transport = Transport.from_kubeconfig(self.plane.kubeconfig)
        stack.callback(transport.close)
        self.spectator = Spectator(transport)
        self.backends = Backends(transport, self.spectator.discovery)
        stack.callback(self.backends.stop)
        self.backends.start()
        self.gateway = Gateway(transport, self.spectator.discovery, self.directory, progress=self._progress)
        stack.callback(self.gateway.stop)
        self.gateway.start()
        self.prometheus = Prometheus(programs.find("prometheus"), self.directory)
        stack.callback(self.prometheus.stop)
        self.prometheus.start()
