"""Every field of every kind of the other tools has a row."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.importer.field_table import FieldTable, Meaning
from gitops_agent.importer.tables.all_tables import ARGO_TABLES, BY_KIND, FLUX_TABLES

FIELDS = Path(__file__).parent / "fields"


def fields_of(file: Path) -> dict[str, list[str]]:
    """The fields of each kind, as the other tool's CRDs declare them."""
    result: dict[str, list[str]] = {}
    for line in file.read_text().splitlines():
        if line.startswith("# "):
            result[line[2:]] = []
        else:
            result[list(result)[-1]].append(line)
    return result


DECLARED = {kind: fields for file in sorted(FIELDS.glob("*.txt")) for kind, fields in fields_of(file).items()}


@pytest.mark.parametrize("kind", DECLARED)
def test_every_declared_field_has_a_row(kind: str) -> None:
    table = next(table for table in BY_KIND.values() if str(table.kind) == kind)

    assert [field for field in DECLARED[kind] if table.row_of(field) is None] == []


@pytest.mark.parametrize("table", BY_KIND.values(), ids=lambda table: str(table.kind))
def test_no_row_stands_for_a_field_that_is_not_declared(table: FieldTable) -> None:
    declared = DECLARED.get(str(table.kind))
    if declared is None:
        assert table.kind.kind == "Secret"
        return
    rows = [row for row in table.rows if row.theirs.startswith("spec.") and "[" not in row.theirs.replace("[]", "")]

    assert [row.theirs for row in rows if not any(row.covers(field) or field == row.theirs for field in declared)] == []


def test_every_row_says_what_became_of_its_field() -> None:
    rows = [row for table in (*ARGO_TABLES, *FLUX_TABLES) for row in table.rows]

    assert [row.theirs for row in rows if row.meaning is Meaning.NONE and (row.ours or not row.note)] == []
    assert [row.theirs for row in rows if row.meaning is not Meaning.NONE and not (row.ours or row.note)] == []
    assert Meaning.UNKNOWN not in {row.meaning for row in rows}


@pytest.mark.parametrize("table", BY_KIND.values(), ids=lambda table: str(table.kind))
def test_no_field_has_two_rows(table: FieldTable) -> None:
    fields = [row.theirs for row in table.rows]

    assert len(fields) == len(set(fields))
