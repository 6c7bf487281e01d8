"""The result of translating one object."""

from __future__ import annotations

from dataclasses import dataclass, field

from gitops_agent.importer.field_table import Meaning
from gitops_agent.manifest.key import Object


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What became of a field, where its value decides.

    Attributes:
        theirs: the other tool's field.
        meaning: what the value comes to.
        note: why.
    """

    theirs: str
    meaning: Meaning
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A Secret or ConfigMap that has to be in another namespace.

    Attributes:
        kind: Secret or ConfigMap.
        namespace: where it is.
        name: its name.
        to: where it is needed.
        new_name: its name there.
    """

    kind: str
    namespace: str
    name: str
    to: str
    new_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What one object of another tool becomes.

    Attributes:
        source: the object.
        resources: ours; the first one is its equivalent.
        remarks: on fields whose value decides.
        copies: objects to copy.
        mode: the sync mode that does what the other tool did; empty where there is none.
        installed: whether it is a release of Helm that runs.
        itself: whether it is a part of the other tool, which nothing has to replace.
        manifests: objects to declare in Git beside ours.
        settings: of the agent.
    """

    source: Object
    resources: tuple[Object, ...] = ()
    remarks: tuple[Remark, ...] = ()
    copies: tuple[Copy, ...] = ()
    mode: str = ""
    installed: bool = False
    itself: bool = False
    manifests: tuple[Object, ...] = ()
    settings: Object = field(default_factory=dict)
