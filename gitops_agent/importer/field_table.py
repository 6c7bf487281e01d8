"""What becomes of the fields of one kind of another tool.

Problem: a translation that forgets a field loses it in silence, and its documentation ages apart from it. Decision: rows are
data, from which the report of an import and the reference page are made; a field that is set and has no row is reported as
unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gitops_agent.manifest.key import GroupKind


class Meaning(StrEnum):
    """What became of a field."""

    SAME = "same"
    CHANGED = "changed"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRow:
    """What becomes of one field.

    Attributes:
        theirs: the other tool's field; it stands for all fields below it. A `*` at the end stands for any text.
        ours: the fields of our resources; empty for none.
        meaning: `same`, `changed` or `none`.
        note: what is different, or what to do instead.
        idle: values that mean no more than the absent field, such as a default that the API server writes out.
    """

    theirs: str
    ours: str
    meaning: Meaning
    note: str = ""
    idle: tuple[object, ...] = ()

    def covers(self, path: str) -> bool:
        """Whether a field is this one or below it."""
        if self.theirs.endswith("*"):
            return path.startswith(self.theirs[:-1])
        return path == self.theirs or path.startswith((f"{self.theirs}.", f"{self.theirs}["))


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldTable:
    """The rows of one kind.

    Attributes:
        kind: of the other tool.
        rows: in the order of the documentation.
        aliases: beginnings of fields that have the rows of others.
    """

    kind: GroupKind
    rows: tuple[FieldRow, ...]
    aliases: dict[str, str] = field(default_factory=dict)

    def row_of(self, path: str) -> FieldRow | None:
        """The most specific row of a field."""
        covering = [row for row in self.rows if row.covers(self.canonical(path))]
        return max(covering, key=lambda row: len(row.theirs), default=None)

    def is_inner(self, path: str) -> bool:
        """Whether rows exist only for fields below this one."""
        here = self.canonical(path)
        return any(row.theirs.startswith((f"{here}.", f"{here}[")) for row in self.rows)

    def canonical(self, path: str) -> str:
        """The field as rows name it."""
        for alias, name in self.aliases.items():
            if path == alias or path.startswith((f"{alias}.", f"{alias}[")):
                return name + path[len(alias) :]
        return path


def same(theirs: str, ours: str, note: str = "") -> FieldRow:
    """A field with the same meaning."""
    return FieldRow(theirs=theirs, ours=ours, meaning=Meaning.SAME, note=note)


def changed(theirs: str, ours: str, note: str = "") -> FieldRow:
    """A field that is expressed in another way."""
    return FieldRow(theirs=theirs, ours=ours, meaning=Meaning.CHANGED, note=note)


def none(theirs: str, note: str, *, idle: tuple[object, ...] = ()) -> FieldRow:
    """A field without an equivalent."""
    return FieldRow(theirs=theirs, ours="", meaning=Meaning.NONE, note=note, idle=idle)
