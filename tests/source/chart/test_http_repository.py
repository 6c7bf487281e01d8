"""A repository on a web server: requests, credentials and refusals."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from gitops_agent.errors import SourceError
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.source.chart.credentials import ChartCredentials
from gitops_agent.source.chart.http_repository import HttpRepository
from gitops_agent.source.chart.index_cache import IndexCache
from gitops_agent.source.chart.repository import ChartAccess, ChartVersion
from tests.source.chart.server import ChartServer, serving

pytestmark = pytest.mark.slow

PASSWORD = ChartCredentials(username="li", password="geheim")
BASIC = PASSWORD.authorization


def repository(
    url: str, tmp_path: Path, *, credentials: ChartCredentials | None = None, hosts: tuple[str, ...] = (), seconds: float = 20.0
) -> HttpRepository:
    access = ChartAccess(url=url, credentials=credentials)
    return HttpRepository(access, IndexCache(tmp_path), HttpClient(timeout_seconds=seconds))


def refusal(url: str, tmp_path: Path, *, seconds: float = 20.0, credentials: ChartCredentials | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        repository(url, tmp_path, seconds=seconds, credentials=credentials).versions("podinfo")
    return caught.value


def test_versions_and_archives_are_read(server: ChartServer, tmp_path: Path) -> None:
    charts = repository(server.url, tmp_path)

    assert [version.version for version in charts.versions("podinfo")] == ["6.5.4", "6.5.3"]
    assert charts.archive("podinfo", charts.version("podinfo", "6.5.3")) == server.archives["/podinfo-6.5.3.tgz"]
    assert server.asked("/index.yaml") == 1


def test_an_unchanged_index_is_not_sent_again(server: ChartServer, tmp_path: Path) -> None:
    repository(server.url, tmp_path).versions("podinfo")
    server.entries["podinfo"].pop()
    changed = repository(server.url, tmp_path).versions("podinfo")
    stored = (tmp_path / "index").stat().st_mtime_ns

    assert len(changed) == 1
    assert repository(server.url, tmp_path).versions("podinfo") == changed
    assert (tmp_path / "index").stat().st_mtime_ns == stored
    assert server.asked("/index.yaml") == 3


def test_a_repository_below_a_path_is_read_there(server: ChartServer, tmp_path: Path) -> None:
    server.answers["/stable/index.yaml"] = (200, {}, server.index)
    server.archives["/stable/podinfo-6.5.4.tgz"] = b"archive"
    charts = repository(f"{server.url}/stable", tmp_path)
    version = ChartVersion(version="6.5.4", urls=charts.versions("podinfo")[0].urls)

    assert charts.archive("podinfo", version) == b"archive"


def test_credentials_go_to_the_repository(server: ChartServer, tmp_path: Path) -> None:
    server.authorization = BASIC
    charts = repository(server.url, tmp_path, credentials=PASSWORD)
    charts.archive("podinfo", charts.versions("podinfo")[0])

    assert {authorization for _, authorization in server.seen} == {BASIC}


def test_a_client_certificate_is_refused_rather_than_left_out(server: ChartServer, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="client certificates"):
        repository(server.url, tmp_path, credentials=ChartCredentials(cert="CERT", key="KEY"))


def test_an_archive_elsewhere_gets_no_credentials(server: ChartServer, tmp_path: Path) -> None:
    with serving() as other:
        other.archives = dict(server.archives)
        server.publish("podinfo", "6.5.5", urls=[f"{other.url}/podinfo-6.5.4.tgz"], digest="")
        charts = repository(server.url, tmp_path, credentials=PASSWORD)
        charts.archive("podinfo", charts.versions("podinfo")[0])

        assert other.seen == [("/podinfo-6.5.4.tgz", "")]


def test_a_redirect_to_another_port_drops_the_credentials(server: ChartServer, tmp_path: Path) -> None:
    with serving() as other:
        other.archives = dict(server.archives)
        server.answers["/podinfo-6.5.4.tgz"] = (302, {"Location": f"{other.url}/podinfo-6.5.4.tgz"}, b"")
        charts = repository(server.url, tmp_path, credentials=PASSWORD)
        charts.archive("podinfo", charts.versions("podinfo")[0])

        assert other.seen == [("/podinfo-6.5.4.tgz", "")]


def test_what_would_have_helped_is_said_when_the_other_host_asks_for_credentials(server: ChartServer, tmp_path: Path) -> None:
    with serving() as other:
        other.authorization = BASIC
        server.publish("podinfo", "6.5.5", urls=[f"{other.url}/podinfo-6.5.4.tgz"])
        charts = repository(server.url, tmp_path, credentials=PASSWORD)
        with pytest.raises(SourceError, match="list it in hosts of the chart") as caught:
            charts.archive("podinfo", charts.versions("podinfo")[0])

    assert caught.value.reason == "CredentialsNotSent"
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    "target",
    ["http://example.com/a.tgz", "file:///etc/passwd", "ftp://127.0.0.1/a", "https://li:geheim@127.0.0.1/a", "http://[::1/"],
)
def test_an_index_leads_to_https_only(server: ChartServer, tmp_path: Path, target: str) -> None:
    server.publish("podinfo", "6.5.5", urls=[target])
    charts = repository(server.url, tmp_path)
    with pytest.raises(SourceError) as caught:
        charts.archive("podinfo", charts.versions("podinfo")[0])

    assert caught.value.reason == "SourceFailed"
    assert "geheim" not in str(caught.value)


def test_an_endless_redirect_ends(server: ChartServer, tmp_path: Path) -> None:
    server.answers["/index.yaml"] = (302, {"Location": "/index.yaml"}, b"")

    assert "redirects more than 5 times" in str(refusal(server.url, tmp_path))


def test_another_archive_than_the_index_says_is_refused(server: ChartServer, tmp_path: Path) -> None:
    server.publish("podinfo", "6.5.4", digest="b89c" * 16)
    charts = repository(server.url, tmp_path)
    with pytest.raises(SourceError, match=r"says sha256:b89c\w+, the archive is sha256:\w+; pin") as caught:
        charts.archive("podinfo", charts.versions("podinfo")[0])

    assert caught.value.reason == "ChartDigestMismatch"


@pytest.mark.parametrize(
    ("status", "reason", "transient"),
    [
        (401, "AuthenticationFailed", False),
        (403, "AuthenticationFailed", False),
        (404, "SourceFailed", True),
        (429, "SourceUnavailable", True),
        (500, "SourceUnavailable", True),
        (503, "SourceUnavailable", True),
        (418, "SourceFailed", True),
        (304, "SourceFailed", True),
    ],
)
def test_a_refusal_says_whether_it_may_pass(
    server: ChartServer, tmp_path: Path, status: int, reason: str, *, transient: bool
) -> None:
    server.answers["/index.yaml"] = (status, {"Retry-After": "7"}, b"")
    error = refusal(server.url, tmp_path)

    assert (error.reason, error.transient) == (reason, transient)
    assert (error.facts.get("retry_after") == 7.0) is (reason == "SourceUnavailable")


def test_a_server_that_is_not_there_may_come_again(tmp_path: Path) -> None:
    with serving() as server:
        url = server.url
    error = refusal(url, tmp_path)

    assert (error.reason, error.transient) == ("SourceUnavailable", True)


def test_a_slow_server_is_left_at_the_deadline(server: ChartServer, tmp_path: Path) -> None:
    server.stalls.add("/index.yaml")
    error = refusal(server.url, tmp_path, seconds=0.5)

    assert (error.reason, error.transient) == ("SourceUnavailable", True)


def test_a_torn_answer_is_no_index(server: ChartServer, tmp_path: Path) -> None:
    server.answers["/index.yaml"] = (200, {"Content-Length": "100000"}, b"entries: {}")
    server.stalls.add("/index.yaml")

    assert refusal(server.url, tmp_path, seconds=0.5).reason == "SourceUnavailable"
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize(
    ("encoding", "body", "reason"),
    [
        ("gzip", gzip.compress(b"\0" * (8 << 20)), "IndexTooLarge"),
        ("gzip", gzip.compress(b"x" * 1000)[:-12], "SourceUnavailable"),
        ("gzip", b"plain", "SourceFailed"),
        ("br", b"plain", "SourceFailed"),
    ],
    ids=["a bomb", "cut off", "no gzip", "another encoding"],
)
def test_a_hostile_encoding_is_refused(server: ChartServer, tmp_path: Path, encoding: str, body: bytes, reason: str) -> None:
    server.answers["/index.yaml"] = (200, {"Content-Encoding": encoding}, body)

    assert refusal(server.url, tmp_path).reason == reason


def test_an_archive_larger_than_allowed_is_refused(server: ChartServer, tmp_path: Path) -> None:
    server.archives["/podinfo-6.5.4.tgz"] = b"\0" * ((10 << 20) + 1)
    charts = repository(server.url, tmp_path)
    with pytest.raises(SourceError, match="more than 10 MiB") as caught:
        charts.archive("podinfo", charts.versions("podinfo")[0])

    assert caught.value.reason == "ChartTooLarge"


def test_an_archive_that_is_gone_is_said(server: ChartServer, tmp_path: Path) -> None:
    server.archives.clear()
    charts = repository(server.url, tmp_path)
    with pytest.raises(SourceError, match="its archive is not there"):
        charts.archive("podinfo", charts.versions("podinfo")[0])
    with pytest.raises(SourceError, match="names no archive"):
        charts.archive("podinfo", ChartVersion(version="6.5.4"))


def test_what_the_repository_does_not_have_is_said(server: ChartServer, tmp_path: Path) -> None:
    charts = repository(server.url, tmp_path)
    with pytest.raises(SourceError, match="has no chart nginx"):
        charts.versions("nginx")
    with pytest.raises(SourceError, match=r"has no version 1\.0\.0 of podinfo"):
        charts.version("podinfo", "1.0.0")
