"""The values a renderer takes and gives."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.key import AppKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.process import Limits
from gitops_agent.render.decryption.keys.kind import NO_KEYS, KeyMaterial
from gitops_agent.render.variables.variable import Variable
from gitops_agent.revision.tree import Closure, Tree

_MEBIBYTE = 1024 * 1024


class Format(StrEnum):
    """What the files at a path are."""

    KUSTOMIZE = "kustomize"
    HELM = "helm"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeFacts:
    """Facts of the cluster that charts receive.

    Attributes:
        version: of Kubernetes, without a leading `v`.
        api_versions: `group/version` and `group/version/Kind` beside those Helm knows itself.
    """

    version: str = "1.37.0"
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderLimits:
    """What one render may use.

    Attributes:
        seconds: wall time of the program.
        memory_bytes: resident memory of the program.
        output_bytes: of rendered text.
        files: read from the repository.
        file_bytes: of one file; an object cannot be larger than 1.5 MiB in a cluster, bundles of definitions are.
        input_bytes: read from the repository.
        depth: of kustomizations that build on one another.
        objects: in the result.
        nodes: values in all YAML and JSON that is read for it, what the program prints included.
        plaintext_on_disk: whether decrypted files may be given to the program on a disk.
    """

    seconds: float = 60.0
    memory_bytes: int = 1024 * _MEBIBYTE
    output_bytes: int = 64 * _MEBIBYTE
    files: int = 10_000
    file_bytes: int = 16 * _MEBIBYTE
    input_bytes: int = 128 * _MEBIBYTE
    depth: int = 40
    objects: int = 20_000
    nodes: int = 1_000_000
    plaintext_on_disk: bool = False

    @property
    def process(self) -> Limits:
        """The part the subprocess door watches."""
        return Limits(
            seconds=self.seconds, output_bytes=self.output_bytes, memory_bytes=self.memory_bytes, file_bytes=self.output_bytes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """A render request for a tree.

    Attributes:
        application: for whom; its name is the default release name.
        path: a directory or file, relative to the repository's root.
        options: what the spec says about rendering, None when nothing.
        namespace: the destination.
        facts: those of the cluster that charts receive.
        variables: their values; where they are replaced is among the options.
        keys: open encrypted files; they stay in this process and are no part of the content key.
    """

    application: AppKey
    path: str
    options: RenderOptions | None
    namespace: str
    facts: KubeFacts
    variables: tuple[Variable, ...] = ()
    keys: KeyMaterial = field(default=NO_KEYS, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """The objects of one commit.

    Attributes:
        manifests: in the order of the tool that made them.
        closure: what was read; as long as it holds, another commit renders the same.
        warnings: what the author may not have meant, one line each.
        format: what the files are.
        tools: names and versions of the programs that were run.
        digest: of all objects in order.
        variables: the names that were looked up; as long as their values stay, it is valid.
    """

    manifests: tuple[Manifest, ...]
    closure: Closure
    warnings: tuple[str, ...]
    format: Format
    tools: tuple[tuple[str, str], ...]
    digest: str
    variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A commit that does not render.

    Attributes:
        error: why.
        closure: what that depends on; as long as it holds, another commit fails in the same way. None when that is not known.
        passing: whether the same commit may render later.
        variables: the names that were looked up.
    """

    error: RenderError | SourceError
    closure: Closure | None
    passing: bool
    variables: tuple[str, ...] = ()


class RenderEngine(Protocol):
    """Renders: in this process, or by workers."""

    def key(self, request: RenderRequest) -> str:
        """Hash of all inputs but the files."""

    def attempt(self, tree: Tree, request: RenderRequest, *, cancel: threading.Event | None = None) -> Rendered | Failure:
        """The objects at the request's path, or why there are none.

        Ends early when cancelled.
        """


def rendered(result: Rendered | Failure) -> Rendered:
    """The result of a render that did not fail.

    Raises:
        RenderError: the files do not render; the reason says why.
        SourceError: a file cannot be read.
    """
    if isinstance(result, Failure):
        raise result.error
    return result
