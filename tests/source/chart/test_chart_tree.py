"""A packed chart read as a tree."""

from __future__ import annotations

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.revision.tree import Closure, EntryType
from gitops_agent.source.chart.archive import unpack
from gitops_agent.source.chart.chart_tree import ChartTree
from tests.source.chart.archives import member, packed


def tree(*files: tuple[str, bytes], commit: str = "podinfo-6.5.4@sha256:abc") -> ChartTree:
    archive = packed(*(member(f"podinfo/{path}", data) for path, data in files))
    return ChartTree(commit, lambda: unpack(archive, "podinfo"))


FILES = (("templates/web.yaml", b"a: 1\n"), ("templates/sub/db.yaml", b"b: 2\n"), ("values.yaml", b""))


def test_the_chart_is_the_root() -> None:
    chart = tree(*FILES)

    assert [entry.path for entry in chart.children("")] == ["Chart.yaml", "templates", "values.yaml"]
    assert [entry.path for entry in chart.walk("templates")] == ["templates/sub/db.yaml", "templates/web.yaml"]
    assert chart.read("./templates/web.yaml", limit=100) == b"a: 1\n"
    assert chart.entry("templates/none") is None


def test_ids_of_files_are_those_of_git() -> None:
    entry = tree(("a", b"hello\n")).entry("a")

    assert entry is not None
    assert entry.oid == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_closure_holds_for_a_version_with_the_same_files() -> None:
    before, same, other = tree(*FILES), tree(*FILES, commit="other"), tree(*FILES[:1], ("templates/sub/db.yaml", b"b: 3\n"))
    closure = Closure(frozenset((path, entry.oid) for path in ("", "templates") if (entry := before.entry(path))))

    assert closure.holds(same)
    assert not closure.holds(other)


def test_files_are_read_within_a_limit() -> None:
    chart = tree(*FILES)

    assert {entry.path: data for entry, data in chart.files(["templates"], limit=100)} == {
        "templates/web.yaml": b"a: 1\n",
        "templates/sub/db.yaml": b"b: 2\n",
    }
    with pytest.raises(SourceError, match="more than 9 bytes"):
        list(chart.files(["templates"], limit=9))
    with pytest.raises(SourceError, match="more than the 3 allowed"):
        chart.read("templates/web.yaml", limit=3)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "templates/../../x"])
def test_a_path_out_of_the_chart_is_refused(path: str) -> None:
    with pytest.raises(SourceError, match=r"leaves|absolute"):
        tree().entry(path)


def test_directories_are_no_files() -> None:
    chart = tree(*FILES)
    entry = chart.resolve("templates")

    assert entry is not None
    assert entry.type is EntryType.DIRECTORY
    with pytest.raises(SourceError, match="no file templates in podinfo-"):
        chart.read("templates", limit=10)
