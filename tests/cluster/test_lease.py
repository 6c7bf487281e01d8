from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.fence import LeadershipLost
from gitops_agent.cluster.lease import Lease
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cluster.wire import Asked, Line, Script, Wire
from tests.waiting import LIMIT_SECONDS, eventually

Start = Callable[[Script], Wire]


class Replica:
    """A candidate in a thread; `said` holds ("start" | "stop", monotonic seconds).

    Its lease lasts longer than a busy machine keeps a thread waiting, and longer than `eventually` does.
    """

    def __init__(self, transport: Transport, namespace: str, identity: str, **timing: Any) -> None:
        timing = {"duration_seconds": 300.0, "renew_seconds": 0.5, **timing}
        self.lease = Lease(transport, namespace=namespace, name="agent", identity=identity, **timing)
        self.said: list[tuple[str, float]] = []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        self.lease.run(self.stop, lambda: self._say("start"), lambda: self._say("stop"))

    def _say(self, what: str) -> None:
        self.said.append((what, time.monotonic()))

    @property
    def words(self) -> list[str]:
        return [what for what, _ in self.said]

    def end(self) -> None:
        self.stop.set()
        self.thread.join(LIMIT_SECONDS)
        assert not self.thread.is_alive()


Crew = Callable[..., Replica]


@pytest.fixture
def crew(transport: Transport, namespace: str) -> Iterator[Crew]:
    """Starts candidates that end with the test."""
    members: list[Replica] = []

    def join(identity: str, **options: Any) -> Replica:
        member = Replica(options.pop("transport", transport), options.pop("namespace", namespace), identity, **options)
        members.append(member)
        member.thread.start()
        return member

    yield join
    for member in members:
        member.end()


LEASES = "leases.coordination.k8s.io"
LEASE_SECONDS = 12.0
"""How long the lease of a process lasts: what the agent sets."""
LEASE_PATH = "/apis/coordination.k8s.io/v1/namespaces/{}/leases/agent"


def config_map(namespace: str, name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": name}}


def read(transport: Transport, namespace: str) -> Object:
    answer: Object = transport.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/agent")
    return answer


def await_renewal(transport: Transport, namespace: str) -> None:
    """Waits for the next renewal."""
    version = read(transport, namespace)["metadata"]["resourceVersion"]
    eventually(lambda: read(transport, namespace)["metadata"]["resourceVersion"] != version)


@pytest.mark.cluster
def test_exactly_one_of_several_leads(crew: Crew, transport: Transport, namespace: str) -> None:
    members = [crew(f"agent-{index}") for index in range(3)]
    eventually(lambda: any(member.words for member in members))
    for _ in range(5):
        await_renewal(transport, namespace)

    assert sorted(member.words for member in members) == [[], [], ["start"]]
    leader = next(member for member in members if member.words)
    assert [member.lease.held for member in members] == [member is leader for member in members]
    assert read(transport, namespace)["spec"]["leaseTransitions"] == 0


@pytest.mark.cluster
def test_a_leader_that_leaves_is_followed_at_once(crew: Crew, control_plane: ControlPlane) -> None:
    theirs = Transport.from_kubeconfig(control_plane.kubeconfig)
    first = crew("first")
    eventually(lambda: first.words == ["start"])
    second = crew("second", transport=theirs)
    eventually(lambda: theirs.count["get", LEASES] and theirs.count["watch", LEASES])
    first.end()
    eventually(lambda: second.words == ["start"], what="the second leads long before it would read the lease again")

    assert first.words == ["start", "stop"]
    assert first.said[1][1] <= second.said[0][1]


@pytest.mark.cluster
def test_the_lease_is_given_back_at_the_end(crew: Crew, transport: Transport, namespace: str) -> None:
    only = crew("only")
    eventually(lambda: only.words == ["start"])
    only.end()

    assert not read(transport, namespace)["spec"].get("holderIdentity")
    assert not only.lease.held


@pytest.mark.cluster
def test_a_lease_taken_by_force_is_lost_at_once(crew: Crew, transport: Transport, namespace: str) -> None:
    only = crew("only")
    eventually(lambda: only.words == ["start"])

    def steal() -> bool:
        lease = read(transport, namespace)
        spec = lease["spec"] | {"holderIdentity": "thief", "leaseDurationSeconds": 1}
        path = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/agent"
        transport.request("PUT", path, body=lease | {"spec": spec})
        return True

    eventually(steal)
    eventually(lambda: only.words == ["start", "stop", "start"])


@pytest.mark.cluster
def test_a_write_is_refused_from_the_moment_the_lease_is_lost(crew: Crew, transport: Transport, namespace: str) -> None:
    leader = crew("leader")
    eventually(lambda: leader.words == ["start"])
    objects = Objects(transport, Discovery(transport), fence=leader.lease)
    objects.apply(config_map(namespace, "first"))
    lease = read(transport, namespace)
    transport.request("PUT", LEASE_PATH.format(namespace), body=lease | {"spec": lease["spec"] | {"holderIdentity": "thief"}})
    eventually(lambda: leader.words == ["start", "stop"])

    with pytest.raises(LeadershipLost):
        objects.apply(config_map(namespace, "second"))
    with pytest.raises(NotFound):
        objects.get(ObjectKey("", "ConfigMap", namespace, "second"))


@pytest.mark.cluster
def test_a_leader_that_ends_by_itself_may_write_until_its_end_is_done(transport: Transport, namespace: str) -> None:
    lease = Lease(transport, namespace=namespace, name="agent", identity="leader", duration_seconds=10.0, renew_seconds=0.5)
    stop, held = threading.Event(), []
    lease.run(stop, stop.set, lambda: held.append(lease.held))

    assert held == [True]
    assert not lease.held


@pytest.mark.cluster
def test_whether_a_lease_is_held_is_known_while_its_end_is_under_way(crew: Crew, transport: Transport, namespace: str) -> None:
    ending, end = threading.Event(), threading.Event()
    leader = crew("leader")
    eventually(lambda: leader.words == ["start"])
    leader.lease._on_stop = lambda: (ending.set(), end.wait(2 * LIMIT_SECONDS))  # type: ignore[func-returns-value]
    lease = read(transport, namespace)
    transport.request("PUT", LEASE_PATH.format(namespace), body=lease | {"spec": lease["spec"] | {"holderIdentity": "thief"}})
    assert ending.wait(30)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: leader.lease.held)
        try:
            assert asked.result(LIMIT_SECONDS) is False
        finally:
            end.set()


@pytest.mark.cluster
def test_a_lease_that_is_deleted_is_made_anew_without_a_break(crew: Crew, transport: Transport, namespace: str) -> None:
    only = crew("only")
    eventually(lambda: only.words == ["start"])
    uid = read(transport, namespace)["metadata"]["uid"]
    transport.request("DELETE", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/agent")
    eventually(lambda: read(transport, namespace)["metadata"]["uid"] != uid)

    assert only.words == ["start"]


@pytest.mark.cluster
def test_the_wall_clock_of_others_does_not_matter(crew: Crew, transport: Transport, namespace: str) -> None:
    spec = {
        "holderIdentity": "from-the-past",
        "leaseDurationSeconds": 2,
        "acquireTime": "2001-01-01T00:00:00.000000Z",
        "renewTime": "2001-01-01T00:00:00.000000Z",
    }
    body = {"metadata": {"name": "agent", "namespace": namespace}, "spec": spec}
    transport.request("POST", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases", body=body)
    began = time.monotonic()
    only = crew("only")
    eventually(lambda: only.words == ["start"])

    assert only.said[0][1] - began >= 2
    assert read(transport, namespace)["spec"]["leaseTransitions"] == 1


@pytest.mark.cluster
def test_a_missing_namespace_is_waited_for(
    crew: Crew, transport: Transport, control_plane: ControlPlane, namespace: str
) -> None:
    other = f"{namespace}-later"
    mine = Transport.from_kubeconfig(control_plane.kubeconfig)
    only = crew("only", namespace=other, transport=mine)
    eventually(lambda: mine.count["get", LEASES] >= 2)

    assert only.words == []
    transport.request("POST", "/api/v1/namespaces", body={"metadata": {"name": other}})
    eventually(lambda: only.words == ["start"])
    only.end()
    transport.request("DELETE", f"/api/v1/namespaces/{other}")


@pytest.mark.cluster
def test_a_leader_writes_once_each_renewal_and_a_candidate_hardly_asks(
    crew: Crew, control_plane: ControlPlane, namespace: str
) -> None:
    mine, theirs = (Transport.from_kubeconfig(control_plane.kubeconfig) for _ in range(2))
    began = time.monotonic()
    first = crew("first", transport=mine)
    eventually(lambda: first.words == ["start"])
    crew("second", transport=theirs)
    eventually(lambda: mine.count["update", LEASES] >= 6)

    assert time.monotonic() - began >= 6 * 0.5
    assert mine.count["get", LEASES] <= 2
    assert theirs.count["get", LEASES] <= 2


def test_a_lease_must_be_renewed_often_enough(wire: Start, tmp_path: Path) -> None:
    transport = wire(lambda _, line: line.hang()).transport(tmp_path)
    with pytest.raises(ValueError, match="at least twice"):
        Lease(transport, namespace="a", name="b", identity="c", duration_seconds=10, renew_seconds=5)


@pytest.mark.slow
def test_a_leader_survives_an_api_server_that_takes_longer_than_the_renewal_interval(
    wire: Start, crew_on: Callable[..., Replica]
) -> None:
    slow, renewed = threading.Event(), []

    def script(asked: Asked, line: Line) -> None:
        if "watch" in asked.query:
            line.hang()
        elif asked.method == "GET" and not asked.path.endswith("/agent"):
            line.json({"kind": "LeaseList", "metadata": {"resourceVersion": "1"}, "items": []})
        elif asked.method == "GET":
            line.refuse(404, "NotFound", 'leases "agent" not found', {"kind": "leases", "name": "agent"})
        else:
            threading.Event().wait(0.8 if slow.is_set() else 0.0)
            renewed.append(time.monotonic())
            line.text(asked.body.decode())

    only = crew_on(wire(script))
    eventually(lambda: len(renewed) >= 2)
    slow.set()
    count = len(renewed)

    eventually(lambda: len(renewed) >= count + 4)

    assert only.words == ["start"]


@pytest.mark.slow
@pytest.mark.faults
def test_a_leader_that_cannot_renew_stops_before_its_lease_ends(wire: Start, crew_on: Callable[..., Replica]) -> None:
    hanging = threading.Event()
    renewed: list[float] = []

    def script(asked: Asked, line: Line) -> None:
        if hanging.is_set() or "watch" in asked.query:
            line.hang()
        elif asked.method == "GET" and not asked.path.endswith("/agent"):
            line.json({"kind": "LeaseList", "metadata": {"resourceVersion": "1"}, "items": []})
        elif asked.method == "GET":
            line.refuse(404, "NotFound", 'leases "agent" not found', {"kind": "leases", "name": "agent"})
        else:
            renewed.append(time.monotonic())
            line.text(asked.body.decode())

    only = crew_on(wire(script), duration_seconds=10.0)
    eventually(lambda: len(renewed) >= 2)
    hanging.set()
    eventually(lambda: only.words == ["start", "stop"])
    seconds = only.said[1][1] - renewed[-1]

    assert 5 < seconds < 10
    assert not only.lease.held


@pytest.fixture
def crew_on(tmp_path: Path) -> Iterator[Callable[..., Replica]]:
    """A candidate against a scripted server."""
    members: list[Replica] = []

    def join(server: Wire, **timing: float) -> Replica:
        member = Replica(server.transport(tmp_path), "default", "only", **timing)
        members.append(member)
        member.thread.start()
        return member

    yield join
    for member in members:
        member.end()


class Process:
    """A candidate in a process of its own."""

    def __init__(self, kubeconfig: Path, namespace: str, identity: str) -> None:
        argv = [sys.executable, str(Path(__file__).with_name("replica.py")), str(kubeconfig), namespace, identity]
        root = str(Path(__file__).parents[2])
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root})
        self.said: list[tuple[str, float]] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            what, _, when = line.partition(" ")
            self.said.append((what, float(when)))

    @property
    def words(self) -> list[str]:
        return [what for what, _ in self.said]

    def signal(self, number: int) -> None:
        if self.process.poll() is None:
            self.process.send_signal(number)

    def end(self) -> None:
        self.signal(signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def processes(control_plane: ControlPlane, namespace: str) -> Iterator[Callable[[str], Process]]:
    """Starts processes that end with the test."""
    started: list[Process] = []

    def start(identity: str) -> Process:
        started.append(Process(control_plane.kubeconfig, namespace, identity))
        return started[-1]

    yield start
    for process in started:
        process.end()


@pytest.mark.cluster
@pytest.mark.faults
def test_a_leader_that_is_killed_is_followed_when_its_lease_has_ended(processes: Callable[[str], Process]) -> None:
    first = processes("first")
    eventually(lambda: "start" in first.words)
    second = processes("second")
    eventually(lambda: "running" in second.words)
    killed = time.monotonic()
    first.signal(signal.SIGKILL)
    eventually(lambda: "start" in second.words)

    assert dict(second.said)["start"] - killed > LEASE_SECONDS / 2


@pytest.mark.cluster
@pytest.mark.faults
def test_a_leader_that_is_frozen_knows_at_once_that_it_no_longer_leads(processes: Callable[[str], Process]) -> None:
    first = processes("first")
    eventually(lambda: "start" in first.words)
    second = processes("second")
    eventually(lambda: "running" in second.words)
    first.signal(signal.SIGSTOP)
    eventually(lambda: "start" in second.words)
    woken = time.monotonic()
    first.signal(signal.SIGCONT)
    eventually(lambda: first.words[-1] == "stop")

    assert dict(first.said)["stop"] - woken < LEASE_SECONDS
    assert second.words == ["running", "start"]
