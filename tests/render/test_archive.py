from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.render.archive import members
from gitops_agent.render.renderer import Rendered
from tests.render.samples import CHART, ask, config_map, names

SUB = "apiVersion: v2\nname: sub\nversion: 1.0.0\n"


def packed(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return buffer.getvalue()


def test_a_packed_dependency_is_used(render: Callable[..., Rendered]) -> None:
    files = {
        "web/Chart.yaml": CHART + "dependencies:\n- {name: sub, version: 1.x, repository: 'https://charts.example.com'}\n",
        "web/templates/a.yaml": config_map(),
        "web/charts/sub-1.0.0.tgz": packed({"sub/Chart.yaml": SUB, "sub/templates/b.yaml": config_map("from-sub")}),
    }
    assert sorted(names(render(ask("web"), files))) == ["ConfigMap/from-sub", "ConfigMap/settings"]


def test_templates_and_charts_are_found() -> None:
    data = packed({"sub/Chart.yaml": SUB, "sub/README.md": "no", "sub/templates/a.yaml": "a", "sub/charts/x/Chart.yaml": "x"})
    assert [member.path for member in members(data, file="x.tgz")] == [
        "sub/Chart.yaml",
        "sub/templates/a.yaml",
        "sub/charts/x/Chart.yaml",
    ]


@pytest.mark.slow
def test_a_bomb_is_refused_without_unpacking_it() -> None:
    bomb = gzip.compress(b"\0" * (65 * 1024 * 1024))
    assert len(bomb) < 100_000
    with pytest.raises(RenderError) as caught:
        list(members(bomb, file="charts/x.tgz"))
    assert caught.value.reason == "RenderTooLarge"


def test_a_bomb_of_many_parts_is_refused() -> None:
    with pytest.raises(RenderError, match="unpacks to more"):
        list(members(gzip.compress(b"\0" * 1024 * 1024) * 70, file="charts/x.tgz"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no archive", "not gzipped"),
        (gzip.compress(b"no tar" * 200), "not a packed chart"),
        (packed({"a/Chart.yaml": SUB})[:-20], "cut off"),
        (b"", "not a packed chart"),
    ],
    ids=["text", "no tar", "torn", "empty"],
)
def test_what_is_broken_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(RenderError) as caught:
        list(members(data, file="charts/x.tgz"))
    assert caught.value.message.startswith("charts/x.tgz")
    assert words in caught.value.message


@pytest.mark.slow
def test_too_many_members_are_refused() -> None:
    with pytest.raises(RenderError, match="more than"):
        list(members(packed({f"x/{number}": "" for number in range(10_001)}), file="charts/x.tgz"))


def test_an_archive_of_very_many_gzip_members_is_refused() -> None:
    with pytest.raises(RenderError, match=r"x\.tgz holds more than 100 gzip members") as caught:
        list(members(gzip.compress(b"") * 101, file="x.tgz"))
    assert caught.value.reason == "RenderTooLarge"
