"""What differs, by field: diffs, plans and drift.

The rows are made from both trees and never from lines of YAML: a hunk is headed by the path of its fields, so that it cannot
be about another probe than the one it stands under. Values of Secrets are numbers, with one numbering for an answer: equal
numbers are equal values, across objects as well.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from gitops_agent.server.views.base import ApplicationName, CannotSee, Commit, ObjectName, Time, View


class FieldRow(View):
    """One field that differs."""

    field: str
    """Its path below the hunk's, as people write it: `env[DB_URL].value`."""

    path: str
    """The whole path, as a JSON pointer; items of lists by their merge key."""

    op: Literal["added", "removed", "changed", "moved"]
    """What happens to it."""

    old: Any = None
    """The value before; null where there was none."""

    new: Any = None
    """The value after; null where there is none."""

    secret: bool = False
    """Whether the values are numbers that stand for those of a Secret."""


class Hunk(View):
    """Fields with one parent."""

    path: tuple[str, ...]
    """The parent's path, a step an element: `spec`, `template`, `spec`, `containers[api]`."""

    rows: tuple[FieldRow, ...]
    """What differs below it."""


class ObjectDiff(View):
    """One object that differs."""

    object: ObjectName
    """Which one."""

    action: Literal["create", "update", "replace", "delete", "none"]
    """What a sync does with it; `none` in a diff of two states of which neither is live."""

    reason: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """Why, for people."""

    hunks: tuple[Hunk, ...] = ()
    """What differs; empty for an object that is not there on one side."""

    yaml: str = ""
    """The whole object, where it is not there on one side; empty when it is too large, see `large`."""

    lines: int = 0
    """How many lines that is."""

    unchanged: int = 0
    """How many fields are equal."""

    large: bool = False
    """Left out for its size: ask again with `object=<group>/<kind>/<namespace>/<name>`."""

    restarts: str = ""
    """What it does to pods, in words; empty for nothing."""

    refused: str = ""
    """Why the API server refuses it in a dry run."""

    refused_reason: str = ""
    """The same as a code from the table of reasons."""

    estimated: bool = False
    """Whether the fields are compared with Git alone: the viewer may not ask the API server by a dry run."""

    dependants: tuple[str, ...] = ()
    """What is deleted with it, a sentence each."""


class DiffSide(View):
    """One side of a diff."""

    kind: Literal["live", "plan", "revision"]
    """The cluster, a plan, or a commit."""

    label: str
    """For people, such as `live` or `3f2a91c`."""

    commit: Commit = Commit()
    """Its commit, if it has one."""


class DiffView(View):
    """What differs between two states of an Application."""

    application: ApplicationName
    """Which one."""

    from_: Annotated[DiffSide, Field(alias="from")]
    """The left side."""

    to: DiffSide
    """The right side."""

    objects: tuple[ObjectDiff, ...] = ()
    """Those that differ."""

    equal: int = 0
    """How many do not."""

    warnings: tuple[str, ...] = ()
    """What fails nothing."""

    cannot_see: tuple[CannotSee, ...] = ()
    """Kinds that could not be read."""

    as_of: Time = ""
    """When the live state was read."""


class PlanCounts(View):
    """How many objects a plan changes, and how."""

    create: int = 0
    """Created."""

    update: int = 0
    """Changed."""

    replace: int = 0
    """Deleted and created again."""

    delete: int = 0
    """Deleted."""

    unchanged: int = 0
    """As declared."""

    left_out: int = 0
    """Declared and not applied."""


class Removal(View):
    """An object that would go, with what goes along with it."""

    object: ObjectName
    """Which one."""

    action: Literal["delete", "replace"]
    """Whether it comes back."""

    dependants: int = 0
    """Objects that go along with it."""

    declared_elsewhere: int = 0
    """How many of them another Application declares."""

    samples: tuple[str, ...] = ()
    """Some of them."""

    notes: tuple[str, ...] = ()
    """What else there is to say: running pods, volumes, load balancers."""

    cannot_see: tuple[str, ...] = ()
    """Kinds that could not be listed, so that there may be more."""


class BlastRadiusView(View):
    """Everything a plan takes away."""

    total: int = 0
    """Objects that go, those under others included."""

    budget: int = 0
    """How many may go without an approval."""

    live: int = 0
    """How many live objects the Application has."""

    later: int = 0
    """Objects that go once their kind can be listed."""

    removals: tuple[Removal, ...] = ()
    """What goes."""


class Verdict(View):
    """Whether a plan may run."""

    held: bool = False
    """Whether it waits for an approval."""

    reason: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """Every objection."""

    window: str = ""
    """The closed window it waits for, in words."""


class KeepView(View):
    """A change for Git that keeps what a held plan would delete."""

    way: Literal["restore", "patch", "annotation", "prune"]
    """Commands that bring the files back, fields of the Application that ask to keep each object, lines for the manifests that
    do, or fields of the Application that end all pruning. `patch` and `annotation` hold for objects that Git declares."""

    text: str
    """To copy."""


class PlannedHook(View):
    """A hook that would run."""

    object: ObjectName
    """Its object."""

    moment: str
    """When."""


class LeftOut(View):
    """An object that is declared and not applied."""

    object: ObjectName
    """Which one."""

    reason: str
    """A code from the table of reasons."""

    message: str = ""
    """Why."""


class PlanView(View):
    """What a sync would do now."""

    application: ApplicationName
    """Which one."""

    resource_version: str
    """Of the Application: what an action has to name."""

    hash: str
    """The plan's hash: what an approval names."""

    short: str
    """Its first twelve digits."""

    current: bool = True
    """Whether the Application's status names this very plan."""

    commit: Commit = Commit()
    """What it would apply."""

    counts: PlanCounts = PlanCounts()
    """How much it changes."""

    verdict: Verdict = Verdict()
    """Whether it may run."""

    blast: BlastRadiusView = BlastRadiusView()
    """What it takes away."""

    keep: tuple[KeepView, ...] = ()
    """Ways to keep that in spite of it, while it is held."""

    objects: tuple[ObjectDiff, ...] = ()
    """What it changes."""

    hooks: tuple[PlannedHook, ...] = ()
    """What runs with it."""

    left_out: tuple[LeftOut, ...] = ()
    """What is not applied."""

    rollouts: tuple[str, ...] = ()
    """What rollouts hold back, a sentence each."""

    warnings: tuple[str, ...] = ()
    """What fails nothing."""

    cannot_see: tuple[CannotSee, ...] = ()
    """Kinds that could not be read."""

    held_since: Time = ""
    """Since when the Application waits for an approval."""

    command: str = ""
    """The command that approves it; empty when nothing waits."""

    approvers: tuple[str, ...] = ()
    """People and groups who may approve, where the viewer may not and may read their bindings."""

    as_of: Time = ""
    """When the live state was read."""


class DriftField(View):
    """A field that is not as declared."""

    field: str
    """Its path as people write it."""

    path: str
    """Its path as a JSON pointer."""

    declared: Any = None
    """The value in Git; null where it has none."""

    live: Any = None
    """The value in the cluster; null where there is none."""

    manager: str = ""
    """Who wrote it; empty where the field was removed."""

    since: Time = ""
    """When."""


class DriftedObject(View):
    """An object that is not as declared."""

    application: ApplicationName
    """Whose."""

    object: ObjectName
    """Which one."""

    missing: bool = False
    """Whether it does not exist."""

    fields: tuple[DriftField, ...] = ()
    """What differs."""

    more: int = 0
    """Fields beyond those."""

    state: str = ""
    """`repaired at the next sync`, `reported only` or what stops the repair, for people."""


class DriftView(View):
    """The drift of one Application, or of all."""

    objects: tuple[DriftedObject, ...] = ()
    """What differs."""

    cannot_see: tuple[CannotSee, ...] = ()
    """Kinds that could not be read."""

    as_of: Time = ""
    """When the live state was read."""


class HeldItem(View):
    """Something that waits for a person."""

    application: ApplicationName
    """Whose."""

    kind: Literal["plan", "rollout", "history", "chart"]
    """A plan, a step of a rollout, a branch that left its last verified commit, or a chart that was published again."""

    hash: str
    """What an approval names: a plan's hash, or `hash/step` of a rollout."""

    rollout: ApplicationName | None = None
    """The RolloutPolicy, for a step of a rollout."""

    reason: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """Why it waits."""

    since: Time = ""
    """Since when."""

    commit: Commit = Commit()
    """The commit it is about."""

    command: str = ""
    """The command that approves it."""


class HeldList(View):
    """Everything that waits for a person, the oldest first."""

    items: tuple[HeldItem, ...] = ()
    """What waits."""
