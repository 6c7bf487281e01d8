from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.api.parse import parse
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.httpclient.allowed_hosts import HostRefused
from gitops_agent.preview.fetched_sources import credentials
from gitops_agent.source.repository import Repository
from tests.cluster.wire import Wire


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
        own = credentials(access, shop, Repository(url="https://git.example.com/shop.git", secret="ops/git"))
        with pytest.raises(HostRefused, match="Secret ops/git may not be sent to"):
            credentials(access, shop, Repository(url="https://evil.example/shop.git", secret="ops/git"))

    assert own is not None
    assert own.password == "hunter2"
