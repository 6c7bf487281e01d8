"""The fields of Flux's image automation."""

from __future__ import annotations

from gitops_agent.importer.field_table import FieldTable, none
from gitops_agent.importer.tables.kinds import IMAGE_POLICY, IMAGE_REPOSITORY, IMAGE_UPDATE

_NOTE = "update image tags in Git by a bot"

TABLES = tuple(
    FieldTable(kind=kind, rows=(none("metadata", _NOTE), none("spec", _NOTE)))
    for kind in (IMAGE_REPOSITORY, IMAGE_POLICY, IMAGE_UPDATE)
)
