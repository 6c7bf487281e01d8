"""The spec of a sandbox, as JSON on the supervisor's command line."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_agent.sandbox.components import ORDER, PROXY


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """One sandbox to run.

    Attributes:
        directory: the sandbox's folder, absolute.
        nodes: number of fake nodes.
        binaries: of each component: path and version.
        tied_to: the process to end with; None to run until stopped.
        extra: further arguments per component, appended.
        timeout_seconds: until everything must be ready.
        network: whether it runs in a network of its own, with kube-proxy; see `network.py`.
        path: folders of programs the components start, before those of PATH.
    """

    directory: str
    nodes: int
    binaries: Mapping[str, tuple[str, str]]
    tied_to: int | None = None
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    timeout_seconds: float = 120.0
    network: bool = False
    path: tuple[str, ...] = ()

    @property
    def components(self) -> tuple[str, ...]:
        """What is started, in this order."""
        return (*ORDER, PROXY) if self.network else ORDER

    def json(self) -> str:
        """As one line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def parse(cls, text: str) -> SandboxSpec:
        """The order that was printed as `text`."""
        values = json.loads(text)
        values["binaries"] = {name: (path, version) for name, (path, version) in values["binaries"].items()}
        values["path"] = tuple(values["path"])
        values["extra"] = {name: tuple(words) for name, words in values["extra"].items()}
        return cls(**values)
