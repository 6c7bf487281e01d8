from __future__ import annotations

import pytest

from gitops_agent.importer.field_table import FieldTable, changed, none, same
from gitops_agent.manifest.key import GroupKind

TABLE = FieldTable(
    kind=GroupKind("example.com", "Thing"),
    rows=(
        same("spec.a", "spec.x"),
        changed("spec.a.b", "spec.y"),
        none("spec.list[].c", "nothing"),
        none("metadata.annotations[example.com/*", "nothing"),
    ),
    aliases={"spec.several[]": "spec.list[]"},
)


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("spec.a", "spec.a"),
        ("spec.a.z", "spec.a"),
        ("spec.a.b", "spec.a.b"),
        ("spec.a.b[].c", "spec.a.b"),
        ("spec.ab", None),
        ("spec.list[].c.d", "spec.list[].c"),
        ("spec.several[].c", "spec.list[].c"),
        ("metadata.annotations[example.com/x]", "metadata.annotations[example.com/*"),
        ("metadata.annotations[example.org/x]", None),
    ],
)
def test_a_field_has_its_most_specific_row(path: str, row: str | None) -> None:
    entry = TABLE.row_of(path)

    assert (entry.theirs if entry else None) == row


def test_a_field_above_rows_is_an_inner_one() -> None:
    assert TABLE.is_inner("spec.list[]")
    assert TABLE.is_inner("spec")
    assert not TABLE.is_inner("spec.list[].c")
    assert not TABLE.is_inner("spec.li")
