"""A version of a chart with another content, and its acceptance.

Nothing but the content changed, so no commit can be reviewed: a person who compared both approves the change by its hash, as a
held plan is approved. The hash covers both digests, so the approval is worth nothing for a third content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gitops_agent.api.application import Application
from gitops_agent.api.approval_annotation import approved_by_person
from gitops_agent.errors import AgentError
from gitops_agent.manifest.reading import mapping
from gitops_agent.source.chart.chart_ref import ChartRef
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository

REPUBLISHED = "ChartRepublished"
_FIELDS = ("repository", "name", "version", "before", "digest")
_DIGITS = 12
"""Of a hash that a person types, at least."""
_R = TypeVar("_R", bound=Ref)


@dataclass(frozen=True, slots=True, kw_only=True)
class Republication:
    """One version with two contents.

    Attributes:
        repository: the URL.
        name: of the chart.
        version: that was published again.
        before: the digest that is followed.
        digest: the one that the repository offers now.
    """

    repository: str
    name: str
    version: str
    before: str
    digest: str

    @property
    def hash(self) -> str:
        """What an approval names."""
        return hashlib.sha256("\n".join(("chart", *(getattr(self, name) for name in _FIELDS))).encode()).hexdigest()

    @property
    def content(self) -> str:
        """The version with its new digest, as a reference accepts it."""
        return f"{self.version}@{self.digest}"

    def to_json(self) -> dict[str, str]:
        """For a status and for the facts of an error."""
        return {**{name: getattr(self, name) for name in _FIELDS}, "approval": self.hash}

    def concerns(self, repository: Repository, ref: Ref) -> bool:
        """Whether it is about the chart that is followed."""
        return isinstance(ref, ChartRef) and (self.repository, self.name) == (repository.url, ref.name)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Republication | None:
        """What `to_json` gave; None for anything else."""
        if any(not isinstance(value.get(name), str) for name in _FIELDS):
            return None
        republication = cls(**{name: value[name] for name in _FIELDS})
        return republication if value.get("approval") == republication.hash else None


def republication_of(*errors: AgentError | None) -> Republication | None:
    """What the first error that waits for an approval is about."""
    waiting = (Republication.from_json(error.facts) for error in errors if error is not None and error.reason == REPUBLISHED)
    return next((republication for republication in waiting if republication is not None), None)


def accepted(application: Application) -> Republication | None:
    """What a person accepted last, by annotation or status."""
    source = mapping(application.status.get("source"))
    waiting = Republication.from_json(mapping(source.get("republished")))
    plan = approved_by_person(application).lower()
    if waiting is not None and len(plan) >= _DIGITS and waiting.hash.startswith(plan):
        return waiting
    return Republication.from_json(mapping(source.get("accepted")))


def accepting(application: Application, repository: Repository, ref: _R) -> _R:
    """The reference with the content that a person accepted for it."""
    republication = accepted(application)
    if republication is None or not isinstance(ref, ChartRef) or ref.digest or not republication.concerns(repository, ref):
        return ref
    return replace(ref, accepted=republication.content)
