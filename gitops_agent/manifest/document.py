"""Documents of a file, their limits, and their errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gitops_agent.errors import RenderError

_MEBIBYTE = 1024 * 1024


class NodeBudget:
    """Values that several files may hold together; for one thread.

    Args:
        total: how many.
    """

    def __init__(self, total: int) -> None:
        self.total = self.left = total

    def spend(self, nodes: int) -> None:
        """Takes the values of one file off."""
        self.left -= nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class YamlLimits:
    """What one file may hold.

    Attributes:
        bytes: of text.
        documents: in one file.
        depth: of nesting; the largest known custom resource definitions stay under 60, and JSON writers stop at 254.
        nodes: values after aliases are expanded; a long text counts once more for every 256 characters.
        budget: shared with other files, None when there are none.
    """

    bytes: int = 16 * _MEBIBYTE
    documents: int = 20_000
    depth: int = 150
    nodes: int = 2_000_000
    budget: NodeBudget | None = None

    @property
    def most(self) -> int:
        """Values that the next file may hold."""
        return self.nodes if self.budget is None else min(self.nodes, self.budget.left)

    def spend(self, nodes: int) -> None:
        """Takes the values of one file off the budget."""
        if self.budget is not None:
            self.budget.spend(nodes)

    def too_many(self) -> str:
        """What is wrong with a file of more than `most` values."""
        if self.budget is not None and self.budget.left < self.nodes:
            return f"unfolds, with the other files of the render, to more than {self.budget.total} values"
        return f"unfolds to more than {self.nodes} values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document that is not empty.

    Attributes:
        value: what it says, JSON values only. Parts of it may be shared (aliases): never mutate it.
        index: zero-based position in the file, empty documents counted.
        line: one-based line of its first value.
    """

    value: Any
    index: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Documents:
    """A parsed file: its documents, and warnings about likely mistakes."""

    documents: tuple[Document, ...]
    warnings: tuple[str, ...] = ()


def refusal(problem: str, *, file: str, line: int | None = None, document: int | None = None) -> RenderError:
    """The error for a text that is no set of Kubernetes objects.

    Args:
        problem: what is wrong, without quoting values (they may be secret).
        file: as the author knows it.
        line: one-based.
        document: zero-based.
    """
    location = file or "the text"
    if document:
        location += f", document {document + 1}"
    if line is not None:
        location += f", line {line}"
    return RenderError(f"{location}: {problem}", reason="InvalidManifest", file=file, line=line, document=document)
