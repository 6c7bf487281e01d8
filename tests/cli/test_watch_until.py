from __future__ import annotations

import pytest

from gitops_agent.cli.watch_until import seconds_of, until
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, UsageError
from gitops_agent.manifest.key import Object
from tests.cli.cluster_env import COMMIT, ClusterEnv, healthy


def test_durations_are_seconds() -> None:
    assert seconds_of("1m30s", "--timeout") == 90.0
    with pytest.raises(UsageError, match="--for tomorrow: is not a duration"):
        seconds_of("tomorrow", "--for")


@pytest.mark.cluster
def test_what_changes_while_waiting_is_seen(stage: ClusterEnv) -> None:
    stage.application("shop")
    seen: list[str] = []

    def look(application: Object) -> None:
        seen.append(str((application.get("status") or {}).get("sync")))
        if len(seen) == 1:
            stage.status("shop", healthy())

    def done(application: Object) -> bool:
        return bool((application.get("status") or {}).get("sync", {}).get("revision") == COMMIT)

    last = until(ClusterClient.open(None, None, stage.namespace), "shop", done, seconds=20, seen=look)

    assert last is not None
    assert len(seen) == 2


@pytest.mark.cluster
def test_a_deletion_ends_the_waiting(stage: ClusterEnv) -> None:
    stage.application("shop")

    def look(_: Object) -> None:
        stage.plane.request("DELETE", stage.path("applications", "shop"))

    with pytest.raises(AgentError, match="shop was deleted"):
        until(ClusterClient.open(None, None, stage.namespace), "shop", lambda _: False, seconds=20, seen=look)
