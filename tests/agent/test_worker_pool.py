from __future__ import annotations

import threading

import pytest

from gitops_agent.agent import worker_pool
from gitops_agent.agent.work_queue import Item, WorkQueue
from gitops_agent.agent.worker_pool import WorkerPool
from gitops_agent.observe.activities import Activities
from tests.clock import Clock
from tests.waiting import eventually


def test_a_failing_key_is_retried_and_ends_no_worker() -> None:
    queue: WorkQueue[str] = WorkQueue(base=0.01)
    tries: list[str] = []

    class Surprised:
        def reconcile(self, item: Item[str], /) -> None:
            tries.append(item.key)
            if len(tries) == 1:
                raise RuntimeError("surprise")

    workers = WorkerPool("worker", queue, Surprised(), count=1)
    workers.start()
    queue.add("shop", "test")
    eventually(lambda: len(tries) == 2)

    assert workers.alive()
    queue.close()
    assert workers.join(60)


def test_a_slow_key_holds_one_worker_and_no_other_key() -> None:
    queue: WorkQueue[str] = WorkQueue()
    gate = threading.Event()
    done: list[str] = []

    class Gated:
        def reconcile(self, item: Item[str], /) -> None:
            if item.key == "slow":
                gate.wait(60)
            done.append(item.key)

    workers = WorkerPool("worker", queue, Gated(), count=2)
    workers.start()
    queue.add("slow", "test")
    for n in range(20):
        queue.add(f"fast-{n}", "test")
    eventually(lambda: len(done) == 20)

    assert "slow" not in done
    gate.set()
    queue.close()
    assert workers.join(60)


def test_the_end_waits_for_running_keys_only_where_it_should() -> None:
    queue: WorkQueue[str] = WorkQueue()
    gate, begun = threading.Event(), threading.Event()

    class Hanging:
        def reconcile(self, _item: Item[str], /) -> None:
            begun.set()
            gate.wait(60)

    workers = WorkerPool("worker", queue, Hanging(), count=1, end_seconds=0)
    workers.start()
    queue.add("slow", "test")
    assert begun.wait(60)

    workers.stop()
    assert not workers.join(0)

    gate.set()
    assert workers.join(60)


def test_only_a_key_with_a_limit_counts_as_hung(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, gate = Clock(0.0), threading.Event()
    activities = Activities(clock)
    monkeypatch.setattr(worker_pool, "ACTIVITIES", activities)
    queues: tuple[WorkQueue[str], WorkQueue[str]] = (WorkQueue(), WorkQueue())

    class Hanging:
        def reconcile(self, _item: Item[str], /) -> None:
            gate.wait(60)

    polls = WorkerPool("git", queues[0], Hanging(), count=1)
    workers = WorkerPool("worker", queues[1], Hanging(), count=1, limit_seconds=1800)
    for pool, queue in zip((polls, workers), queues, strict=True):
        pool.start()
        queue.add("shop", "test")
    eventually(lambda: len(activities.running()) == 2)
    clock.now = 3600.0

    assert activities.hung() == "worker shop has been running for 3600 s"
    gate.set()
    polls.stop()
    workers.stop()
