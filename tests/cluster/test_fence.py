from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.fence import UNFENCED, LeadershipLost
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object, ObjectKey


class Lost:
    held = False


WRITES: dict[str, Callable[[Objects, Object], object]] = {
    "apply": lambda objects, obj: objects.apply({**obj, "data": {"key": "changed"}}),
    "create": lambda objects, obj: objects.create({**obj, "metadata": {**obj["metadata"], "name": "another"}}),
    "delete": lambda objects, obj: objects.delete(ObjectKey.of(obj), uid="1"),
    "json_patch": lambda objects, obj: objects.json_patch(ObjectKey.of(obj), [{"op": "remove", "path": "/data"}]),
    "merge_patch": lambda objects, obj: objects.merge_patch(ObjectKey.of(obj), {"data": None}),
}


def test_without_leader_election_a_process_may_always_write() -> None:
    assert UNFENCED.held


@pytest.mark.cluster
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_no_write_leaves_a_process_that_no_longer_leads(
    write: Callable[[Objects, Object], object], transport: Transport, discovery: Discovery, configmap: Callable[..., Object]
) -> None:
    obj = configmap()
    Objects(transport, discovery).apply(obj)
    requests = sum(transport.count.values())
    fenced = Objects(transport, discovery, fence=Lost())

    with pytest.raises(LeadershipLost, match="no longer leads"):
        write(fenced, obj)

    assert sum(transport.count.values()) == requests
    assert fenced.get(ObjectKey.of(obj))["data"] == {"key": "value"}
