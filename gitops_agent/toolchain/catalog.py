"""Lock of the programs: versions, sources and checksums.

A table and no code. Every program can come from two places: the publisher's release, or the Go module proxy through the one
module in `gotools/`, whose go.sum pins all of the source. A release is taken only with a known digest: the pinned one where
`sha256` has it, else the one the publisher serves beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from gitops_agent.errors import UsageError

KUBERNETES = "1.37.2"


class Checksums(StrEnum):
    """How a publisher spells the digests of a release."""

    BARE = "bare"  # a file that holds the digest alone
    LISTING = "listing"  # lines of digest and file name
    GITHUB = "github"  # the release's description by the GitHub API: assets with a name and a digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Where the publisher's binaries are. `{version}` and `{arch}` stand in all texts.

    Attributes:
        url: of the file.
        checksums: URL of the digests.
        spelling: how to read them.
        member: path inside the archive; empty when the file is the program itself.
        sha256: pinned digests of the file, by architecture.
    """

    url: str
    checksums: str
    spelling: Checksums
    member: str = ""
    sha256: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One program.

    Attributes:
        name: of the executable.
        version: without a leading v.
        package: the Go package that builds it.
        release: where the publisher's binaries are.
        asks_version: arguments that make it print its version.
        flags: what the linker sets, as `path=value`; `{version}` stands.
        optional: not part of what `tools install` installs unasked.
    """

    name: str
    version: str
    package: str
    release: Release
    asks_version: tuple[str, ...] = ("--version",)
    flags: tuple[str, ...] = ()
    optional: bool = False

    @property
    def minor(self) -> str:
        """`1.37` of `1.37.2`: what a program found on PATH must agree in."""
        return ".".join(self.version.split(".")[:2])


_COMPONENT_BASE = "k8s.io/component-base/version"
_CLIENT_GO = "k8s.io/client-go/pkg/version"


def _kubernetes(name: str, *, optional: bool = False) -> Tool:
    major, minor, _ = KUBERNETES.split(".")
    values = {"gitVersion": f"v{KUBERNETES}", "gitMajor": major, "gitMinor": minor, "gitTreeState": "clean"}
    url = "https://dl.k8s.io/release/v{version}/bin/linux/{arch}/" + name
    return Tool(
        name=name,
        version=KUBERNETES,
        package=f"k8s.io/kubernetes/cmd/{name}",
        release=Release(url=url, checksums=f"{url}.sha256", spelling=Checksums.BARE),
        flags=tuple(f"{package}.{key}={value}" for package in (_COMPONENT_BASE, _CLIENT_GO) for key, value in values.items()),
        optional=optional,
    )


_GITHUB = "https://github.com/"
_HELM = "https://get.helm.sh/helm-v{version}-linux-{arch}.tar.gz"
_KUSTOMIZE = _GITHUB + "kubernetes-sigs/kustomize/releases/download/kustomize%2Fv{version}/"
_ETCD = _GITHUB + "etcd-io/etcd/releases/download/v{version}/"

_ALL = (
    Tool(
        name="etcd",
        version="3.7.0",
        package="go.etcd.io/etcd/server/v3",
        release=Release(
            url=_ETCD + "etcd-v{version}-linux-{arch}.tar.gz",
            checksums=_ETCD + "SHA256SUMS",
            spelling=Checksums.LISTING,
            member="etcd-v{version}-linux-{arch}/etcd",
        ),
    ),
    _kubernetes("kube-apiserver"),
    _kubernetes("kube-controller-manager"),
    _kubernetes("kube-scheduler"),
    Tool(
        name="kwok",
        version="0.8.0",
        package="sigs.k8s.io/kwok/cmd/kwok",
        release=Release(
            url=_GITHUB + "kubernetes-sigs/kwok/releases/download/v{version}/kwok-linux-{arch}",
            checksums="https://api.github.com/repos/kubernetes-sigs/kwok/releases/tags/v{version}",
            spelling=Checksums.GITHUB,
        ),
        flags=("sigs.k8s.io/kwok/pkg/consts.Version={version}",),
    ),
    Tool(
        name="helm",
        version="4.3.1",
        package="helm.sh/helm/v4/cmd/helm",
        release=Release(url=_HELM, checksums=_HELM + ".sha256sum", spelling=Checksums.LISTING, member="linux-{arch}/helm"),
        asks_version=("version", "--template", "{{.Version}}"),
        flags=("helm.sh/helm/v4/internal/version.version=v{version}", "helm.sh/helm/v4/internal/version.gitTreeState=clean"),
    ),
    Tool(
        name="kustomize",
        version="5.8.2",
        package="sigs.k8s.io/kustomize/kustomize/v5",
        release=Release(
            url=_KUSTOMIZE + "kustomize_v{version}_linux_{arch}.tar.gz",
            checksums=_KUSTOMIZE + "checksums.txt",
            spelling=Checksums.LISTING,
            member="kustomize",
        ),
        asks_version=("version",),
    ),
    _kubernetes("kube-proxy", optional=True),
)

TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _ALL}
"""Every tool by name, in the order they are installed."""


def selected(names: tuple[str, ...] = ()) -> tuple[Tool, ...]:
    """The named tools, or all that are not optional.

    Raises:
        UsageError: there is no tool of that name.
    """
    if not names:
        return tuple(tool for tool in _ALL if not tool.optional)
    unknown = [name for name in names if name not in TOOLS]
    if unknown:
        raise UsageError(f"there is no tool {unknown[0]!r}: known are {', '.join(TOOLS)}")
    return tuple(TOOLS[name] for name in dict.fromkeys(names))
