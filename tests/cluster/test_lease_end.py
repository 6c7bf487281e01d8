"""Leaderships whose end takes long, at a server of one lease."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitops_agent.cluster.lease import Lease
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object
from tests.cluster.wire import Asked, Line, Script, Wire
from tests.waiting import eventually

pytestmark = pytest.mark.slow
Start = Callable[[Script], Wire]


class LeaseServer:
    """Keeps one lease, answers renewals, and hangs when asked."""

    def __init__(self) -> None:
        self.lease: Object | None = None
        self.hangs = threading.Event()
        self.holders: list[str] = []

    def __call__(self, asked: Asked, line: Line) -> None:
        if self.hangs.is_set() or "watch" in asked.query:
            line.hang()
        elif asked.method in {"PUT", "POST"}:
            self.write(asked, line)
        elif not asked.path.endswith("/agent"):
            line.json({"kind": "LeaseList", "metadata": {"resourceVersion": "1"}, "items": []})
        elif self.lease is None:
            line.refuse(404, "NotFound", 'leases "agent" not found', {"kind": "leases", "name": "agent"})
        else:
            line.json(self.lease)

    def write(self, asked: Asked, line: Line) -> None:
        lease = json.loads(asked.body)
        current = self.version()
        if self.lease is not None and lease["metadata"].get("resourceVersion") != current:
            line.refuse(409, "Conflict", "the object has been modified")
            return
        self.lease = {**lease, "metadata": {**lease["metadata"], "resourceVersion": f"{int(current) + 1}"}}
        self.holders.append(lease["spec"]["holderIdentity"])
        line.json(self.lease)

    def version(self) -> str:
        return "0" if self.lease is None else str(self.lease["metadata"]["resourceVersion"])

    def give(self, holder: str) -> None:
        assert self.lease is not None
        metadata = {**self.lease["metadata"], "resourceVersion": f"{int(self.version()) + 1}"}
        self.lease = {**self.lease, "metadata": metadata, "spec": {**self.lease["spec"], "holderIdentity": holder}}


class LongEnd:
    """A leader whose end takes until the test lets it return."""

    def __init__(self, transport: Transport) -> None:
        self.ending, self.end, self.stop = threading.Event(), threading.Event(), threading.Event()
        self.lease = Lease(
            transport, namespace="default", name="agent", identity="only", duration_seconds=10.0, renew_seconds=0.2
        )
        self.calls: list[str] = []
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        eventually(lambda: self.calls == ["start"])

    def _run(self) -> None:
        self.lease.run(self.stop, lambda: self.calls.append("start"), self._end)

    def _end(self) -> None:
        self.calls.append("stop")
        self.ending.set()
        self.end.wait(60)

    def close(self) -> None:
        self.end.set()
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
def long_end(server: LeaseServer, wire: Start, tmp_path: Path) -> Iterator[LongEnd]:
    """A leader at that server."""
    leader = LongEnd(wire(server).transport(tmp_path))
    yield leader
    leader.close()


def test_a_leader_that_is_asked_to_end_renews_its_lease_until_its_work_has_ended(
    server: LeaseServer, long_end: LongEnd
) -> None:
    long_end.stop.set()
    assert long_end.ending.wait(30)
    count = len(server.holders)

    eventually(lambda: len(server.holders) >= count + 3)

    held = long_end.lease.held
    assert set(server.holders) == {"only"}
    long_end.close()
    assert server.holders[-1] == ""
    assert (held, long_end.lease.held) == (True, False)
    assert long_end.calls == ["start", "stop"]


def test_a_lease_that_is_lost_while_its_leader_ends_is_not_sought_again(server: LeaseServer, long_end: LongEnd) -> None:
    long_end.stop.set()
    assert long_end.ending.wait(30)

    server.give("")
    eventually(lambda: not long_end.lease.held)

    count = len(server.holders)
    long_end.close()
    assert long_end.calls == ["start", "stop"]
    assert len(server.holders) == count


@pytest.mark.faults
def test_a_leader_that_cannot_renew_while_it_ends_stops_acting_in_time(server: LeaseServer, long_end: LongEnd) -> None:
    long_end.stop.set()
    assert long_end.ending.wait(30)

    server.hangs.set()

    eventually(lambda: not long_end.lease.held)
    assert long_end.calls == ["start", "stop"]
    server.hangs.clear()


@pytest.mark.faults
def test_no_lock_is_held_while_a_lost_leadership_ends(server: LeaseServer, long_end: LongEnd) -> None:
    server.hangs.set()
    assert long_end.ending.wait(30)

    free = long_end.lease._changed.acquire(timeout=60)

    assert free
    long_end.lease._changed.release()
    server.hangs.clear()


@pytest.mark.faults
def test_a_lost_lease_is_sought_again_after_its_end_is_done(server: LeaseServer, long_end: LongEnd) -> None:
    server.give("thief")
    assert long_end.ending.wait(30)
    server.give("")
    assert long_end.calls == ["start", "stop"]

    long_end.end.set()

    eventually(lambda: long_end.calls[:3] == ["start", "stop", "start"])


def test_a_leader_knows_that_its_lease_ended_while_the_machine_was_suspended(
    long_end: LongEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = long_end.lease.held
    clock = time.clock_gettime
    long_end.end.set()
    monkeypatch.setattr(time, "clock_gettime", lambda which: clock(which) + 60.0 * (which == time.CLOCK_BOOTTIME))

    assert (held, long_end.lease.held) == (True, False)
