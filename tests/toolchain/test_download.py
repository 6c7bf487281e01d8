from __future__ import annotations

import dataclasses
import hashlib
import resource
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops_agent.toolchain.catalog import Checksums, Release, Tool
from gitops_agent.toolchain.download import ChecksumMismatch, DiskFull, Downloader, Unreachable, architecture
from tests.toolchain.releases import Publisher, publishing


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with publishing() as it:
        yield it


def _nothing_left(folder: Path, *kept: str) -> bool:
    return sorted(path.name for path in folder.iterdir()) == sorted(kept)


def test_a_program_is_fetched_and_verified(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(b"program")
    shown: list[str] = []
    assert Downloader().fetch(tool, tmp_path / "thing", shown.append) == f"{publisher.url}/thing"
    assert (tmp_path / "thing").read_bytes() == b"program"
    assert shown == ["0 of 0 MiB"]
    assert _nothing_left(tmp_path, "thing")


def test_a_program_is_taken_out_of_its_archive_and_nothing_else_is(publisher: Publisher, tmp_path: Path) -> None:
    Downloader().fetch(publisher.tool(b"program", member="linux/thing"), tmp_path / "thing")
    assert (tmp_path / "thing").read_bytes() == b"program"
    assert _nothing_left(tmp_path, "thing")


def test_a_wrong_checksum_is_reported_and_leaves_nothing(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(b"evil", sha256="a" * 64)
    with pytest.raises(ChecksumMismatch, match="promised was aaaa") as caught:
        Downloader().fetch(tool, tmp_path / "thing")
    assert hashlib.sha256(b"evil").hexdigest() in str(caught.value)
    assert _nothing_left(tmp_path)


def test_a_pinned_digest_wins_over_the_publishers_word(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(b"evil")
    pinned = dataclasses.replace(tool, release=dataclasses.replace(tool.release, sha256={architecture(): "b" * 64}))
    with pytest.raises(ChecksumMismatch):
        Downloader().fetch(pinned, tmp_path / "thing")
    assert "/thing.sha256" not in publisher.asked


def test_a_torn_transfer_is_tried_again(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(b"program" * 1000)
    publisher.torn["/thing"] = 1
    Downloader().fetch(tool, tmp_path / "thing")
    assert publisher.asked.count("/thing") == 2
    assert (tmp_path / "thing").read_bytes() == b"program" * 1000


def test_a_transfer_that_keeps_tearing_is_reported_and_leaves_nothing(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(b"program" * 1000)
    publisher.torn["/thing"] = 99
    with pytest.raises(Unreachable, match=r"ended after|tore"):
        Downloader().fetch(tool, tmp_path / "thing")
    assert _nothing_left(tmp_path)


def test_a_torn_archive_with_a_fitting_checksum_is_reported(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(b"program" * 1000, member="thing")
    half = publisher.files["/thing"][:40]
    publisher.files["/thing"] = half
    publisher.files["/thing.sha256"] = hashlib.sha256(half).hexdigest().encode()
    with pytest.raises(Unreachable, match="no usable thing"):
        Downloader().fetch(tool, tmp_path / "thing")


def test_a_missing_file_or_digest_is_unavailable_but_the_network_lives(publisher: Publisher, tmp_path: Path) -> None:
    downloader = Downloader()
    tool = publisher.tool(b"program")
    del publisher.files["/thing"]
    with pytest.raises(Unreachable, match="404"):
        downloader.fetch(tool, tmp_path / "thing")
    publisher.files["/thing.sha256"] = b"<html>"
    with pytest.raises(Unreachable, match="cannot be verified"):
        downloader.fetch(tool, tmp_path / "thing")
    del publisher.files["/thing.sha256"]
    with pytest.raises(Unreachable, match="404"):
        Downloader().fetch(tool, tmp_path / "thing")
    assert not downloader.dead


def test_a_full_disk_is_reported_and_leaves_nothing(publisher: Publisher, tmp_path: Path) -> None:
    tool = publisher.tool(b"x" * 200_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DiskFull, match="no room for thing"):
            Downloader().fetch(tool, tmp_path / "thing")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _nothing_left(tmp_path)


def _elsewhere(url: str) -> Tool:
    return Tool(
        name="thing",
        version="1.2.3",
        package="",
        release=Release(url=f"{url}/thing", checksums=f"{url}/thing.sha256", spelling=Checksums.BARE),
    )


def test_a_network_that_does_not_answer_costs_the_probe_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        downloader = Downloader(probe_seconds=0.5)
        tool = _elsewhere(f"http://127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(10):
            with pytest.raises(Unreachable):
                downloader.fetch(tool, tmp_path / "thing")
        silent.setblocking(False)
        silent.accept()[0].close()
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert downloader.dead


def test_an_unknown_name_is_a_dead_network(tmp_path: Path) -> None:
    downloader = Downloader()
    with pytest.raises(Unreachable):
        downloader.fetch(_elsewhere("https://releases.invalid"), tmp_path / "thing")
    assert downloader.dead


def test_an_unencrypted_publisher_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match="not encrypted"):
        Downloader().fetch(_elsewhere("http://releases.invalid"), tmp_path / "thing")
