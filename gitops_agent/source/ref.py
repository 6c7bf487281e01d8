"""What an application follows in a repository.

A reference comes from people and ends up beside options of a program, so it is checked against Git's own rules for names before
anything runs, and refused with the rule it breaks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, Self, get_args

from gitops_agent.api.source_options import RefKind, RefSpec
from gitops_agent.errors import SourceError
from gitops_agent.source.semver import Range

_OBJECT_NAME = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(?:/|\Z)|\.\Z|/\Z|\A[/.-]|\A@\Z")
_LONGEST = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref:
    """A branch, a tag, a range of versions, or a commit.

    Attributes:
        kind: which of the four.
        value: the name without `refs/…`, the range (`>=1.2 <2`), or the full object name in lower case.

    Raises:
        SourceError: reason `InvalidSpec`, when the value cannot be what the kind says.
    """

    kind: RefKind | Literal["chart"]
    value: str

    def __post_init__(self) -> None:
        if self.kind not in get_args(RefKind):
            raise _invalid(f"a reference is a branch, tag, semver range or commit, not {str(self.kind)[:40]!r}")
        if self.kind == "semver":
            Range.parse(self.value)
        elif self.kind == "commit":
            if not _OBJECT_NAME.match(self.value):
                raise _invalid(f"a commit is given as its full object name (40 hexadecimal digits), not as {self.value[:80]!r}")
        elif not self.value or len(self.value.encode("utf-8", "replace")) > _LONGEST or _FORBIDDEN.search(self.value):
            raise _invalid(f"{self.value[:80]!r} is not a valid {self.kind} name")

    @classmethod
    def of(cls, spec: RefSpec) -> Self:
        """The reference that a spec names.

        Raises:
            SourceError: reason `InvalidSpec`, as above.
        """
        return cls(kind=spec.kind, value=spec.value)

    @property
    def git_kind(self) -> RefKind:
        """What it is in a Git repository.

        Raises:
            SourceError: it is a chart.
        """
        if self.kind == "chart":
            raise _invalid("a chart is no reference of a Git repository")
        return self.kind

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


def _invalid(message: str) -> SourceError:
    return SourceError(message, reason="InvalidSpec")
