from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.agent.runtime import Runtime
from gitops_agent.config import Settings
from tests.cluster.wire import Asked, Line, Wire
from tests.waiting import eventually

pytestmark = pytest.mark.slow

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"


class Cluster:
    """An API server without our kinds; `uid` exchanges it."""

    def __init__(self) -> None:
        self.uid = "first"
        self.identified = 0
        self.claims: list[str] = []
        self.leases: dict[str, dict[str, Any]] = {}

    def __call__(self, asked: Asked, line: Line) -> None:
        if asked.path == KUBE_SYSTEM:
            self.identified += 1
            line.json({"kind": "Namespace", "metadata": {"name": "kube-system", "uid": self.uid}})
        elif asked.method == "POST":
            self.claims.append(self.uid)
            self.leases[self.uid] = {**_body(asked), "metadata": {"uid": self.uid, "resourceVersion": "1"}}
            line.json(self.leases[self.uid])
        elif asked.path in ("/api", "/apis"):
            line.json({"kind": "APIGroupDiscoveryList", "items": []})
        elif "/leases/" in asked.path and self.uid in self.leases:
            line.json(self.leases[self.uid])
        else:
            line.refuse(404, "NotFound", details={"name": "gitops-agent", "kind": "leases"})


def _body(asked: Asked) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(asked.body)
    return body


@pytest.mark.parametrize("election", [True, False])
def test_an_agent_whose_cluster_is_exchanged_ends_without_having_written_there(tmp_path: Path, *, election: bool) -> None:
    cluster = Cluster()
    codes: list[int] = []
    with Wire(cluster) as server:
        transport = server.transport(tmp_path)
        leader = {"enabled": election, "duration_seconds": 3, "renew_seconds": 0.2}
        settings = {"source": {"cache_dir": str(tmp_path / "cache")}, "leader": leader}
        runtime = Runtime(Settings.model_validate(settings), transport)
        thread = threading.Thread(target=lambda: codes.append(runtime.run()))
        thread.start()
        try:
            eventually(lambda: cluster.identified)
            cluster.uid = "second"
            thread.join(60)
        finally:
            runtime.stop()
            thread.join(60)
            transport.close()

    assert codes == [1]
    assert cluster.claims == ["first"] * election


def test_a_replica_in_another_cluster_than_its_settings_name_ends_before_it_asks_for_the_lease(tmp_path: Path) -> None:
    cluster = Cluster()
    with Wire(cluster) as server:
        transport = server.transport(tmp_path)
        runtime = Runtime(Settings.model_validate({"cluster": {"uid": "another"}}), transport)
        code = runtime.run()
        transport.close()

    assert (code, cluster.claims) == (1, [])
    assert "the setting cluster.uid names the cluster another" in transport.identity.mismatch
