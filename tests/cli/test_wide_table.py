from __future__ import annotations

from gitops_agent.cli.wide_table import WideTable
from gitops_agent.manifest.key import Object

SHEET = WideTable(headers=("application", "sync", "message"), rows=(("shop", "Synced", "fine"),))


def application(**source: object) -> Object:
    return {
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "team", "creationTimestamp": "2026-05-04T12:00:00Z"},
        "spec": {"source": {"repoURL": "https://git.example.com/a.git", "ref": {"branch": "main"}, **source}},
    }


def test_without_options_a_table_stays_as_it_is() -> None:
    assert SHEET.extended([application()], namespaces=False, wide=False) == SHEET


def test_the_namespace_comes_first_and_the_message_stays_last() -> None:
    sheet = SHEET.extended([application(path="apps/shop")], namespaces=True, wide=True)

    assert sheet.headers == ("namespace", "application", "sync", "repository", "ref", "path", "destination", "age", "message")
    (row,) = sheet.rows
    assert row[:7] == ("team", "shop", "Synced", "https://git.example.com/a.git", "branch=main", "apps/shop", "team")
    assert row[-1] == "fine"


def test_an_empty_table_needs_no_columns() -> None:
    empty = WideTable(headers=("application",), rows=())

    assert empty.extended([], namespaces=True, wide=True) == empty
