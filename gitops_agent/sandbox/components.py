"""The components of the control plane and their arguments, as data.

The API server listens on loopback, etcd on a socket in a folder of this user, because it knows no users and who writes to it is
an administrator. Everything stores nothing durably (`--unsafe-no-fsync`: the data dies with the sandbox) and elects no
leader. RBAC, the namespace, garbage and ServiceAccount controllers, quota and webhook admission and the TokenRequest API are
the real ones; only nodes and their kubelets are played by KWOK.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops_agent.sandbox.pod_failures import STAGES

PODS_CIDR = "10.88.0.0/16"
SERVICES_CIDR = "10.0.0.0/16"
HOST_ADDRESS = "10.88.255.1"
"""Of all nodes, where the sandbox has a network of its own."""

API_ADDRESS = "10.88.255.254"
"""What the API server then says its address is; endpoints may not be on loopback."""

ETCD = "unix://etcd.sock"
"""Relative to the folder that components run in: a socket's full path may be too long for its address."""

ISSUER = "https://kubernetes.default.svc"

ORDER = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")
"""The components in the order they start."""

PROXY = "kube-proxy"
"""The one that comes after them, where the sandbox has a network of its own."""

PROXY_HEALTH = "127.0.0.1:10256"
"""Where it says whether its rules are written; the port is free in a new network."""

USERS: Mapping[str, str] = {
    "sandbox-admin": "admin",
    "system:kube-controller-manager": "kube-controller-manager",
    "system:kube-scheduler": "kube-scheduler",
    "kwok": "kwok",
    "system:kube-proxy": PROXY,
}
"""User names and their meaning; all are masters, the names distinguish writes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where things lie and listen.

    Attributes:
        directory: the sandbox's folder.
        api_port: the API server's port.
        network: whether the sandbox has a network of its own; see `network.py`.
    """

    directory: Path
    api_port: int
    network: bool = False

    @property
    def url(self) -> str:
        """Of the API server."""
        return f"https://127.0.0.1:{self.api_port}"

    @property
    def authority(self) -> Path:
        """The certificate the API server signed for itself."""
        return self.directory / "pki" / "apiserver.crt"

    @property
    def signing_key(self) -> Path:
        """The key that signs ServiceAccount tokens."""
        return self.directory / "pki" / "service-accounts.key"

    @property
    def tokens(self) -> Path:
        """The static tokens of `USERS`."""
        return self.directory / "pki" / "tokens.csv"

    def kubeconfig(self, component: str) -> Path:
        """The kubeconfig of one component."""
        return self.directory / "components" / f"{component}.kubeconfig"

    def log(self, component: str) -> Path:
        """The log of one component."""
        return self.directory / "logs" / f"{component}.log"

    def ports(self, component: str) -> tuple[int, ...]:
        """What one component listens on."""
        return (self.api_port,) if component == "kube-apiserver" else ()


def arguments(component: str, layout: Layout) -> tuple[str, ...]:
    """The arguments of one component, without the program itself."""
    if component == "etcd":
        return _etcd(layout.directory)
    if component == "kube-apiserver":
        return _apiserver(layout)
    config = layout.kubeconfig(component)
    if component == "kwok":
        return (
            f"--kubeconfig={config}",
            "--manage-all-nodes=true",
            "--node-lease-duration-seconds=40",
            f"--cidr={PODS_CIDR}",
            f"--config={STAGES}",
            *((f"--node-ip={HOST_ADDRESS}",) if layout.network else ()),
        )
    if component == PROXY:
        return _proxy(layout)
    client = (
        f"--kubeconfig={config}",
        f"--authentication-kubeconfig={config}",
        f"--authorization-kubeconfig={config}",
        "--leader-elect=false",
        "--secure-port=0",
        "--kube-api-qps=500",
        "--kube-api-burst=1000",
    )
    if component == "kube-scheduler":
        return client
    return (
        *client,
        f"--service-account-private-key-file={layout.signing_key}",
        f"--root-ca-file={layout.authority}",
        "--concurrent-gc-syncs=20",
        "--concurrent-namespace-syncs=10",
    )


def _etcd(directory: Path) -> tuple[str, ...]:
    client, peer = ETCD, "unix://peer.sock"
    return (
        "--name=sandbox",
        f"--data-dir={directory / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={client}",
        f"--advertise-client-urls={client}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=sandbox={peer}",
        "--quota-backend-bytes=4294967296",
        "--log-level=warn",
    )


def _apiserver(layout: Layout) -> tuple[str, ...]:
    return (
        f"--etcd-servers={ETCD}",
        "--bind-address=127.0.0.1",
        f"--secure-port={layout.api_port}",
        f"--advertise-address={API_ADDRESS if layout.network else '127.0.0.1'}",
        "--endpoint-reconciler-type=none",
        f"--cert-dir={layout.authority.parent}",
        f"--token-auth-file={layout.tokens}",
        "--authorization-mode=RBAC",
        f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={layout.signing_key}",
        f"--service-account-signing-key-file={layout.signing_key}",
        f"--service-cluster-ip-range={SERVICES_CIDR}",
        "--allow-privileged=true",
        "--max-requests-inflight=1600",
        "--max-mutating-requests-inflight=800",
    )


def _proxy(layout: Layout) -> tuple[str, ...]:
    """Its rules apply in the sandbox's network namespace and nowhere else."""
    return (
        f"--kubeconfig={layout.kubeconfig(PROXY)}",
        "--proxy-mode=nftables",
        "--hostname-override=node-0",
        f"--bind-address={HOST_ADDRESS}",
        f"--cluster-cidr={PODS_CIDR}",
        "--nodeport-addresses=127.0.0.0/8",
        "--conntrack-max-per-core=0",
        f"--healthz-bind-address={PROXY_HEALTH}",
        "--metrics-bind-address=127.0.0.1:10249",
    )
