from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.api.parse import parse
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import UsageError
from gitops_agent.httpclient.allowed_hosts import HostRefused
from gitops_agent.preview.comparison import credentials, root_of
from gitops_agent.source.repository import Repository
from tests.cluster.wire import Wire


def test_the_root_is_the_repository_a_directory_lies_in(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "apps/shop").mkdir(parents=True)

    assert root_of(tmp_path / "apps/shop") == (tmp_path, "apps/shop")
    assert root_of(tmp_path) == (tmp_path, "")


def test_a_directory_outside_of_any_repository_is_its_own_root(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()

    assert root_of(tmp_path / "plain") == (tmp_path / "plain", "")


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        root_of(tmp_path / "nothing")


def test_a_secret_is_not_sent_to_a_host_that_its_annotation_does_not_name(tmp_path: Path) -> None:
    metadata = {"namespace": "ops", "name": "git", "annotations": {"gitops-agent.dev/allowed-hosts": "git.example.com"}}
    stored = {"metadata": metadata, "data": {"password": "aHVudGVyMg=="}}
    source = {
        "repoURL": "https://evil.example/shop.git",
        "ref": {"branch": "main"},
        "path": "apps",
        "secretRef": {"name": "git"},
    }
    spec = {"source": source, "destination": {"namespace": "shop"}}
    shop = parse({"metadata": {"namespace": "ops", "name": "shop"}, "spec": spec})

    with Wire(lambda _, line: line.json(stored)) as server:
        transport = server.transport(tmp_path)
        discovery = Discovery(transport)
        access = ClusterClient(transport, discovery, Objects(transport, discovery), "ops")
        own = credentials(access, shop, Repository(url="https://git.example.com/shop.git"))
        with pytest.raises(HostRefused, match="Secret ops/git may not be sent to"):
            credentials(access, shop, Repository(url="https://evil.example/shop.git"))

    assert own is not None
    assert own.password == "hunter2"


def test_a_path_that_no_file_system_takes_is_refused() -> None:
    with pytest.raises(UsageError, match="File name too long"):
        root_of(Path("x" * 5000))
