from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.concurrent_stop import stop_concurrently
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.identity import ClusterIdentity, ClusterMismatch
from gitops_agent.cluster.lease import Lease
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Watch, WatchOptions
from gitops_agent.errors import Unavailable
from gitops_agent.manifest.key import ObjectKey
from tests.clock import Clock
from tests.cluster.watch_recorder import CONFIGMAP, QUICK, WatchRecorder
from tests.cluster.wire import Asked, Line, Script, Wire
from tests.waiting import LIMIT_SECONDS, eventually

Start = Callable[[Script], Wire]
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/home/leases"

CORE = {
    "metadata": {"name": ""},
    "versions": [
        {
            "version": "v1",
            "freshness": "Current",
            "resources": [
                {"resource": "configmaps", "responseKind": {"kind": "ConfigMap"}, "scope": "Namespaced", "verbs": ["list"]}
            ],
        }
    ],
}


class Cluster:
    """An API server that can be exchanged for another one.

    It serves ConfigMaps, one Lease, and the namespace kube-system with `uid`, or refuses to show it.
    """

    def __init__(self) -> None:
        self.uid = "first"
        self.refusal = 0
        self.leases: dict[str, dict[str, Any]] = {}
        self.hung_up = threading.Event()

    def exchange(self) -> None:
        """Another cluster answers from now on, and open streams break."""
        self.uid = "second"
        self.hung_up.set()

    def __call__(self, asked: Asked, line: Line) -> None:
        if asked.path == KUBE_SYSTEM:
            self._identify(line)
        elif asked.path.startswith(LEASES):
            self._lease(asked, line)
        elif asked.path in ("/api", "/apis"):
            line.json({"kind": "APIGroupDiscoveryList", "items": [CORE] if asked.path == "/api" else []})
        elif "watch" in asked.query:
            line.begin()
            if self.uid == "first":
                self.hung_up.wait(20)
                line.cut()
            else:
                event = {"metadata": {"name": self.uid, "resourceVersion": "11"}}
                line.chunk({"type": "ADDED", "object": event})
                line.hang()
        else:
            items = [{"metadata": {"name": self.uid, "resourceVersion": "1"}}]
            line.json({"kind": "ConfigMapList", "metadata": {"resourceVersion": "10"}, "items": items})

    def _identify(self, line: Line) -> None:
        if self.refusal:
            line.refuse(self.refusal, "Refused")
        else:
            line.json({"kind": "Namespace", "metadata": {"name": "kube-system", "uid": self.uid}})

    def _lease(self, asked: Asked, line: Line) -> None:
        lease = self.leases.get(self.uid)
        if asked.method == "POST":
            lease = self.leases[self.uid] = {
                "metadata": {"name": "agent", "namespace": "home", "uid": self.uid, "resourceVersion": "1"},
                "spec": {"holderIdentity": "one", "leaseDurationSeconds": 3},
            }
        if "watch" in asked.query:
            line.begin()
            line.hang()
        elif not asked.path.endswith("/agent") and asked.method == "GET":
            line.json({"kind": "LeaseList", "metadata": {"resourceVersion": "10"}, "items": []})
        elif lease is None:
            line.refuse(404, "NotFound", details={"name": "agent", "kind": "leases"})
        else:
            line.json(lease)


def pinned(server: Wire, folder: Path) -> Transport:
    transport = server.transport(folder)
    transport.identity.pin()
    return transport


def test_the_same_cluster_is_confirmed(wire: Start, tmp_path: Path) -> None:
    transport = pinned(wire(Cluster()), tmp_path)
    transport.identity.confirm()
    transport.identity.pin()
    assert transport.identity.mismatch == ""


def test_another_cluster_stays_refused_and_ends_the_process(wire: Start, tmp_path: Path) -> None:
    cluster, ended = Cluster(), threading.Event()
    transport = pinned(wire(cluster), tmp_path)
    transport.identity.ends(ended)
    cluster.exchange()

    with pytest.raises(ClusterMismatch, match=r"kube-system has the UID second, and had first") as caught:
        transport.identity.confirm()

    assert (caught.value.reason, ended.is_set()) == ("ClusterMismatch", True)
    cluster.uid = "first"
    with pytest.raises(ClusterMismatch):
        transport.identity.confirm()


def test_a_cluster_that_may_not_be_identified_counts_as_the_same(wire: Start, tmp_path: Path) -> None:
    cluster = Cluster()
    cluster.refusal = 403
    server = wire(cluster)
    transport = pinned(server, tmp_path)

    transport.identity.confirm()

    assert len(server.asked) == 1
    assert transport.identity.mismatch == ""


@pytest.mark.parametrize("answer", [404, 503])
def test_a_pinned_cluster_that_does_not_say_who_it_is_is_in_doubt(wire: Start, tmp_path: Path, answer: int) -> None:
    cluster = Cluster()
    transport = pinned(wire(cluster), tmp_path)
    cluster.refusal = answer

    with pytest.raises(Unavailable):
        transport.identity.confirm()

    assert transport.identity.mismatch == ""


def test_no_write_leaves_a_process_for_another_cluster(wire: Start, tmp_path: Path) -> None:
    cluster = Cluster()
    server = wire(cluster)
    transport = pinned(server, tmp_path)
    objects = Objects(transport, Discovery(transport))
    cluster.exchange()
    with pytest.raises(ClusterMismatch):
        transport.identity.confirm()

    with pytest.raises(ClusterMismatch):
        objects.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}})
    with pytest.raises(ClusterMismatch):
        objects.delete(ObjectKey(group="", kind="ConfigMap", namespace="shop", name="a"), uid="1")

    assert {asked.method for asked in server.asked} == {"GET"}


def test_streams_that_are_opened_anew_ask_once_a_minute_together(wire: Start, tmp_path: Path) -> None:
    def ending(asked: Asked, line: Line) -> None:
        if "watch" in asked.query:
            line.begin()
            line.chunk({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "11"}}})
            line.end()
        else:
            Cluster()(asked, line)

    server = wire(ending)
    transport, clock = pinned(server, tmp_path), Clock()
    transport.identity = ClusterIdentity(transport, clock=clock)
    transport.identity.pin()
    before = [asked.path for asked in server.asked].count(KUBE_SYSTEM)
    watches = [Watch(transport, CONFIGMAP, WatchRecorder(), options=WatchOptions(timing=QUICK)) for _ in range(3)]
    for watch in watches:
        watch.start()
    try:
        eventually(lambda: all(watch.streams > 3 for watch in watches))
        clock.now += 61
        streams = [watch.streams for watch in watches]
        eventually(lambda: all(watch.streams > count + 2 for watch, count in zip(watches, streams, strict=True)))
    finally:
        stop_concurrently(watches)

    assert [asked.path for asked in server.asked].count(KUBE_SYSTEM) - before == 1


def test_the_first_write_after_a_stream_was_opened_anew_confirms_the_cluster(wire: Start, tmp_path: Path) -> None:
    cluster, recorder = Cluster(), WatchRecorder()
    server = wire(cluster)
    transport = pinned(server, tmp_path)
    objects = Objects(transport, Discovery(transport))
    configmap = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "shop"}}
    watch = Watch(transport, CONFIGMAP, recorder, options=WatchOptions(timing=QUICK))
    watch.start()
    try:
        eventually(lambda: watch.streams == 1)
        objects.create(configmap)
        confirmed = [asked.path for asked in server.asked].count(KUBE_SYSTEM)
        objects.create(configmap)
        assert [asked.path for asked in server.asked].count(KUBE_SYSTEM) == confirmed == 2
        cluster.exchange()
        eventually(lambda: len(recorder.said) > 1)
        with pytest.raises(ClusterMismatch):
            objects.create(configmap)
    finally:
        watch.stop()

    assert [asked.method for asked in server.asked].count("POST") == 2


def test_nothing_that_a_watch_reads_from_another_cluster_is_handed_on(wire: Start, tmp_path: Path) -> None:
    cluster, recorder = Cluster(), WatchRecorder()
    server = wire(cluster)
    transport, clock = pinned(server, tmp_path), Clock()
    transport.identity = ClusterIdentity(transport, clock=clock)
    transport.identity.pin()
    watch = Watch(transport, CONFIGMAP, recorder, options=WatchOptions(timing=QUICK))
    watch.start()
    try:
        eventually(lambda: watch.streams == 1)
        clock.now += 61
        cluster.exchange()
        eventually(lambda: recorder.errors)
    finally:
        watch.stop()

    assert recorder.syncs == [["first"]]
    assert [kind for kind, _ in recorder.said] == ["sync", "error"]
    assert recorder.errors[0].reason == "ClusterMismatch"


def test_a_lease_is_not_claimed_anew_in_another_cluster(wire: Start, tmp_path: Path) -> None:
    cluster, stop = Cluster(), threading.Event()
    server = wire(cluster)
    transport = pinned(server, tmp_path)
    transport.identity.ends(stop)
    leading, over = threading.Event(), threading.Event()
    lease = Lease(transport, namespace="home", name="agent", identity="one", duration_seconds=60.0, renew_seconds=0.2)
    candidate = threading.Thread(target=lease.run, args=(stop, leading.set, over.set))
    candidate.start()
    try:
        assert leading.wait(LIMIT_SECONDS)
        cluster.exchange()
        assert over.wait(LIMIT_SECONDS)
    finally:
        stop.set()
        candidate.join(LIMIT_SECONDS)

    assert transport.identity.mismatch
    assert set(cluster.leases) == {"first"}
