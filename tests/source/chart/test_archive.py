"""Archives of charts are read, and hostile ones refused."""

from __future__ import annotations

import gzip
import io
import os
import tarfile

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.source.chart.archive import unpack
from tests.source.chart.archives import CHART, member, packed


def test_the_files_lie_below_the_directory_of_the_chart() -> None:
    files = unpack(
        packed(member("podinfo/templates/web.yaml", b"kind: X\n"), member("podinfo/run.sh", b"#!", mode=0o755)), "podinfo"
    )

    assert {path: file.data for path, file in files.items()} == {
        "Chart.yaml": CHART,
        "templates/web.yaml": b"kind: X\n",
        "run.sh": b"#!",
    }
    assert files["run.sh"].executable


def test_directories_are_passed_over() -> None:
    assert set(unpack(packed(member("podinfo/templates/", kind=tarfile.DIRTYPE)), "podinfo")) == {"Chart.yaml"}


HOSTILE = {
    "a symbolic link": packed(member("podinfo/a", kind=tarfile.SYMTYPE, target="/etc/passwd")),
    "a hard link": packed(member("podinfo/a", kind=tarfile.LNKTYPE, target="podinfo/Chart.yaml")),
    "a device": packed(member("podinfo/a", kind=tarfile.CHRTYPE)),
    "a pipe": packed(member("podinfo/a", kind=tarfile.FIFOTYPE)),
    "an absolute name": packed(member("/podinfo/a")),
    "a way out": packed(member("podinfo/../../a")),
    "a dot": packed(member("podinfo/./Chart.yaml")),
    "a backslash": packed(member("podinfo\\..\\a")),
    "a control character": packed(member("podinfo/a\nb")),
    "another directory": packed(member("other/a")),
    "a file beside the chart": packed(member("values.yaml")),
    "the same file twice": packed(member("podinfo/a"), member("podinfo/a")),
    "a file as a directory": packed(member("podinfo/a"), member("podinfo/a/b")),
    "a file of 6 MiB": packed(member("podinfo/a", os.urandom(6 << 20))),
    "another name": packed(name="other"),
    "no Chart.yaml": gzip.compress(b"\0" * 10240),
    "a bomb": gzip.compress(b"\0" * (20 << 20)),
    "a bomb of many members": gzip.compress(b"") * 1000 + packed(),
    "a torn end": packed(member("podinfo/a", os.urandom(2000)))[:-900],
    "no gzip": b"PK\x03\x04",
    "no tar": gzip.compress(b"hello, world" * 100),
    "nothing": b"",
}


@pytest.mark.parametrize("archive", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_archive_is_refused(archive: bytes) -> None:
    with pytest.raises(SourceError, match="the archive of podinfo is refused") as refusal:
        unpack(archive, "podinfo")

    assert refusal.value.reason == "ChartInvalid"


@pytest.mark.parametrize("name", ["../podinfo", "Podinfo", "", "a/b", "-a", "a" * 200, "a\n"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(SourceError, match="its name"):
        unpack(packed(), name)


def test_a_size_in_a_header_is_not_believed() -> None:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info, data = member("podinfo/a", b"x" * 10)
        info.pax_headers = {"size": str(1 << 40)}
        tar.addfile(info, io.BytesIO(data))

    with pytest.raises(SourceError, match="is refused"):
        unpack(gzip.compress(stream.getvalue()), "podinfo")


@pytest.mark.slow
def test_too_many_files_are_refused() -> None:
    with pytest.raises(SourceError, match="more than 10000 files"):
        unpack(packed(*(member(f"podinfo/{number}") for number in range(10_001))), "podinfo")
