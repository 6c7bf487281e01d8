"""How much a plan would take away, and whether somebody has to approve that first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_agent.manifest.key import ObjectKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependants:
    """What disappears along with one object and is not among the plan's own deletions.

    Attributes:
        total: objects that count like deletions: custom resources of a CRD, objects in a namespace, all under an Application.
        declared_elsewhere: how many of them another application declares.
        samples: some of them by name, for people.
        notes: what else there is to say: running pods, volumes whose reclaim policy is Delete, load balancers.
        cannot_see: kinds that could not be listed, so that `total` may be short.
    """

    total: int = 0
    declared_elsewhere: int = 0
    samples: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cannot_see: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    """Everything a plan takes away.

    Attributes:
        deletions: objects deleted.
        replacements: objects deleted and created again.
        dependants: what hangs under them, by object.
        live: how many objects of the application are live.
        budget: how many objects may go without approval.
    """

    deletions: tuple[ObjectKey, ...] = ()
    replacements: tuple[ObjectKey, ...] = ()
    dependants: Mapping[ObjectKey, Dependants] = field(default_factory=dict)
    live: int = 0
    budget: int = 0

    @property
    def total(self) -> int:
        """Objects that go, those that hang under others included."""
        return len(self.deletions) + len(self.replacements) + sum(one.total for one in self.dependants.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether the plan may run.

    Attributes:
        held: nothing but repairs of drift may run until the plan's hash is approved.
        reason: a code from the table of reasons; empty when there was nothing to object to.
        message: one line for people.
        causes: every objection, one line each; the message has them all.
        blast: what the plan takes away.
        approved: there were objections, and somebody approved this plan.
    """

    held: bool = False
    reason: str = ""
    message: str = ""
    causes: tuple[str, ...] = ()
    blast: BlastRadius = field(default_factory=BlastRadius)
    approved: bool = False
