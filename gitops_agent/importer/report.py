"""What an import did with every field, for people and scripts.

Values are never repeated: they may be secrets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gitops_agent.api import notifier
from gitops_agent.api.application import KIND
from gitops_agent.api.parse import parse
from gitops_agent.api.problems import Problem, SpecInvalid
from gitops_agent.importer.conversion import Conversion, Remark
from gitops_agent.importer.field_table import FieldTable, Meaning
from gitops_agent.importer.set_fields import set_fields, values_at
from gitops_agent.importer.tables.all_tables import BY_KIND
from gitops_agent.manifest.key import Object, ObjectKey


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldReport:
    """What became of one field.

    Attributes:
        theirs: the field of the other tool.
        ours: fields of our resources; empty for none.
        meaning: `same`, `changed`, `none` or `unknown`.
        note: what is different, or what to do instead.
    """

    theirs: str
    ours: str
    meaning: Meaning
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectReport:
    """What became of one object.

    Attributes:
        source: the other tool's object.
        resources: ours.
        fields: each that is set.
        problems: by resource, what this version of the agent refuses.
        mode: the sync mode that does what the other tool did; empty for none.
        reasons: why a value has no equivalent.
        itself: whether it is a part of the other tool.
    """

    source: ObjectKey
    resources: tuple[ObjectKey, ...]
    fields: tuple[FieldReport, ...]
    problems: dict[str, tuple[Problem, ...]]
    mode: str
    reasons: tuple[str, ...] = ()
    itself: bool = False

    def with_meaning(self, *meanings: Meaning) -> tuple[FieldReport, ...]:
        """The fields with one of these meanings."""
        return tuple(field for field in self.fields if field.meaning in meanings)


def report(conversion: Conversion) -> ObjectReport:
    """The report of one object, with every field that is set."""
    key = ObjectKey.of(conversion.source)
    table = BY_KIND[key.group_kind]
    return ObjectReport(
        source=key,
        resources=tuple(ObjectKey.of(resource) for resource in conversion.resources),
        fields=tuple(_fields(conversion, table)),
        problems={
            str(ObjectKey.of(resource)): problems for resource in conversion.resources if (problems := refused(resource))
        },
        mode=conversion.mode,
        itself=conversion.itself,
        reasons=tuple(dict.fromkeys(remark.note for remark in conversion.remarks if remark.meaning is Meaning.NONE)),
    )


def refused(resource: Object) -> tuple[Problem, ...]:
    """What this version of the agent refuses in a resource."""
    try:
        if resource["kind"] == KIND:
            parse(resource)
        elif resource["kind"] == notifier.KIND:
            notifier.parse(resource)
    except SpecInvalid as error:
        return error.problems
    return ()


def _fields(conversion: Conversion, table: FieldTable) -> Iterator[FieldReport]:
    shown: set[str] = set()
    paths = (*set_fields(conversion.source), *(remark.theirs for remark in conversion.remarks))
    for path in paths:
        canonical = table.canonical(path)
        row = table.row_of(path)
        if row is None:
            if not table.is_inner(path):
                yield FieldReport(theirs=canonical, ours="", meaning=Meaning.UNKNOWN, note="this field is not in the table")
            continue
        name = canonical if row.theirs.endswith("*") else row.theirs
        if name in shown:
            continue
        shown.add(name)
        remarks = [remark for remark in conversion.remarks if row.covers(remark.theirs) and table.row_of(remark.theirs) == row]
        if row.idle and not remarks and all(value in row.idle for value in values_at(conversion.source, row.theirs)):
            yield FieldReport(theirs=name, ours="", meaning=Meaning.SAME, note="the default, which asks for nothing")
            continue
        ours = row.ours if conversion.resources or not row.ours.startswith("spec.") else ""
        yield FieldReport(theirs=name, ours=ours, meaning=_meaning(row.meaning, remarks), note=_note(row.note, remarks))


def _meaning(usual: Meaning, remarks: Iterable[Remark]) -> Meaning:
    meanings = [remark.meaning for remark in remarks]
    if not meanings:
        return usual
    return next(meaning for meaning in (Meaning.NONE, Meaning.CHANGED, Meaning.SAME) if meaning in meanings)


def _note(usual: str, remarks: Iterable[Remark]) -> str:
    notes = dict.fromkeys(remark.note for remark in remarks)
    return "; ".join(notes) or usual
