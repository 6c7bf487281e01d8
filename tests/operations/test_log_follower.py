from __future__ import annotations

import queue
from pathlib import Path

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.operations.log_follower import Container, Entry, LogFollower
from tests.cluster.log_api import Api, pod
from tests.cluster.wire import Wire
from tests.waiting import eventually

pytestmark = pytest.mark.slow

ONE, OTHER = (Container(namespace="gitops-system", pod=name, name="agent") for name in ("one", "other"))


def test_each_log_ends_with_its_end_or_with_why_it_cannot_be_read(tmp_path: Path) -> None:
    entries: queue.Queue[Entry] = queue.Queue()
    with Wire(Api(pod("one"), pod("other"), one="a\nb")) as wire:
        LogFollower(wire.transport(tmp_path), {}, entries.put).start([ONE, OTHER])
        taken = [entries.get(timeout=60) for _ in range(5)]

    assert [line for container, line in taken if container == ONE] == [b"a", b"b", None]
    refused, end = (line for container, line in taken if container == OTHER)
    assert isinstance(refused, AgentError)
    assert end is None


def test_a_stop_closes_open_logs_without_an_error(tmp_path: Path) -> None:
    entries: queue.Queue[Entry] = queue.Queue()
    api = Api(pod("one"), one="line\n")
    api.lasts = True
    with Wire(api) as wire:
        follower = LogFollower(wire.transport(tmp_path), {}, entries.put)
        follower.start([ONE])
        assert entries.get(timeout=60) == (ONE, b"line")
        follower.stop()

        assert entries.get(timeout=60) == (ONE, None)
        eventually(lambda: api.followed == 0, what="the log is closed")
        follower.start([OTHER])
        assert entries.get(timeout=60)[0] == OTHER
