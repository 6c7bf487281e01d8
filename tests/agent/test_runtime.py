from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.agent import components as components_module
from gitops_agent.agent import worker_pool
from gitops_agent.agent.runtime import Runtime
from gitops_agent.api.crd import crds
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.fence import LeadershipLost
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.config import Settings
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.observe.activities import Activities
from gitops_agent.observe.thread_failures import ThreadFailures
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.waiting import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.cluster
ROLLOUT_POLICY_OBJECT: Object = {
    "apiVersion": "gitops-agent.dev/v1alpha1",
    "kind": "RolloutPolicy",
    "metadata": {"name": "web", "namespace": "default", "resourceVersion": "1"},
}


class Replica:
    """A replica that runs on a thread of its own."""

    def __init__(self, plane: ControlPlane, home: str, cache: Path, **leader: Any) -> None:
        self.transport = Transport.from_kubeconfig(plane.kubeconfig)
        settings = {"cluster": {"namespace": home}, "source": {"cache_dir": str(cache)}, "leader": leader}
        self.runtime = Runtime(Settings.model_validate(settings), self.transport)
        self.codes: list[int] = []
        self._thread = threading.Thread(target=lambda: self.codes.append(self.runtime.run()))
        self._thread.start()

    def until(self, check: Callable[[], object], what: str = "") -> None:
        eventually(check, what=what)

    def working(self) -> bool:
        """Whether it leads and its workers wait for work."""
        components = self.runtime._components
        return self.runtime.leading and components is not None and not components.starting

    def end(self) -> int:
        """Asks it to end: its code."""
        self.runtime.stop()
        return self.ended()

    def ended(self) -> int:
        """Its code, once it has ended by itself."""
        self._thread.join(LIMIT_SECONDS)
        assert not self._thread.is_alive()
        return self.codes[0]

    def close(self) -> None:
        self.end()
        self.transport.close()


@pytest.fixture
def replica(control_plane: ControlPlane, home: str, tmp_path: Path) -> Iterator[Callable[..., Replica]]:
    replicas: list[Replica] = []

    def start(**leader: Any) -> Replica:
        started = Replica(control_plane, home, tmp_path / f"cache-{len(replicas)}", **leader)
        replicas.append(started)
        return started

    yield start
    for started in replicas:
        started.close()


def threads() -> set[str]:
    """The threads of agents that run now."""
    kinds = ("worker-", "git-", "watch-", "recorder", "sweep", "start", "apply", "render", "APScheduler", "ticks")
    return {thread.name for thread in threading.enumerate() if thread.name.startswith(kinds)}


def test_a_single_process_leads_without_a_lease_and_ends_when_asked(replica: Callable[..., Replica]) -> None:
    leader = replica(enabled=False)
    leader.until(leader.working)
    assert (leader.runtime.ready(), leader.runtime.alive()) == ((True, "leading"), (True, "ok"))

    assert leader.end() == 0

    assert not leader.runtime.leading
    assert leader.runtime.ready() == (False, "following")


def test_nothing_of_it_runs_on_after_the_end(replica: Callable[..., Replica]) -> None:
    leader = replica(enabled=False)
    leader.until(leader.working)
    assert {"worker-0", "git-0", "watch-notifiers.gitops-agent.dev"} <= threads()

    leader.end()

    with contextlib.suppress(AssertionError):
        eventually(lambda: not threads())
    assert threads() == set()


def test_of_two_replicas_one_follows_and_takes_over(replica: Callable[..., Replica]) -> None:
    first = replica(duration_seconds=60, renew_seconds=1)
    first.until(first.working)
    second = replica(duration_seconds=60, renew_seconds=1)
    assert second.runtime.ready() == (True, "following")
    assert not second.runtime.leading

    assert first.end() == 0

    second.until(second.working, "the other one leads")
    assert second.end() == 0


def test_a_leader_that_lost_its_lease_ends_at_once_with_an_error(
    replica: Callable[..., Replica], transport: Transport, home: str
) -> None:
    leader = replica(duration_seconds=60, renew_seconds=1)
    leader.until(leader.working)
    components = leader.runtime._components
    assert components is not None

    path = f"/apis/coordination.k8s.io/v1/namespaces/{home}/leases/gitops-agent"
    patch: Object = {"spec": {"holderIdentity": "somebody-else"}}
    transport.request("PATCH", path, body=patch, content_type="application/merge-patch+json")

    assert leader.ended() == 1
    assert not leader.runtime.leading
    with pytest.raises(LeadershipLost):
        components.stores.policies.write(ROLLOUT_POLICY_OBJECT, {"phase": "late"})


@pytest.mark.parametrize("workers", ["_workers", "_source_workers"])
def test_a_process_whose_workers_have_ended_must_be_restarted(replica: Callable[..., Replica], workers: str) -> None:
    process = replica(enabled=False)
    process.until(process.working)
    components = process.runtime._components
    assert components is not None

    getattr(components, workers)._queue.close()

    process.until(lambda: process.runtime.alive() == (False, "a worker thread has ended"))


def test_a_process_whose_worker_hangs_must_be_restarted(
    replica: Callable[..., Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    activities = Activities(lambda: time.monotonic() + (1801 if late.is_set() else 0))
    late, hanging, release = threading.Event(), threading.Event(), threading.Event()
    for module in (components_module, worker_pool):
        monkeypatch.setattr(module, "ACTIVITIES", activities)
    process = replica(enabled=False)
    process.until(process.working)
    components = process.runtime._components
    assert components is not None

    def hang(_item: object) -> None:
        hanging.set()
        release.wait(60)

    monkeypatch.setattr(components.reconciler, "reconcile", hang)
    components.queue.add(AppKey("shop", "web"), "test")
    assert hanging.wait(60)
    assert process.runtime.alive() == (True, "ok")
    late.set()

    alive, why = process.runtime.alive()
    assert not alive
    assert why.startswith("worker shop/web has been running for 18")
    release.set()


def test_a_process_that_lost_a_thread_must_be_restarted(nowhere: Transport) -> None:
    failures = ThreadFailures()
    runtime = Runtime(Settings(), nowhere, failures)
    assert runtime.alive() == (True, "ok")

    error = RuntimeError("surprise")
    failures.failed(threading.ExceptHookArgs((RuntimeError, error, None, threading.Thread(name="watch-pods"))))

    assert runtime.alive() == (False, "the thread watch-pods has failed")


def test_it_waits_for_its_kinds_and_starts_when_they_come(tmp_path: Path) -> None:
    with ControlPlane.start(tmp_path / "plane", nodes=0, tied=True) as plane:
        plane.request("POST", "/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": "gitops-system"}})
        leader = Replica(plane, "gitops-system", tmp_path / "cache", enabled=False)
        leader.until(lambda: leader.runtime.leading)
        assert leader.runtime.alive() == (True, "ok")
        assert not leader.working()

        objects = Objects(leader.transport, Discovery(leader.transport))
        definitions = {crd["spec"]["names"]["kind"]: crd for crd in crds()}
        objects.apply(definitions.pop("Application"))
        leader.until(leader.working, "it works")
        assert "watch-notifiers.gitops-agent.dev" not in threads()
        for crd in definitions.values():
            objects.apply(crd)

        late = {f"watch-{plural}.gitops-agent.dev" for plural in ("notifiers", "rolloutpolicies")}
        leader.until(lambda: late <= threads(), "the kinds that came late are watched")
        leader.close()
