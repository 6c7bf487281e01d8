from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import cast

import pytest

from gitops_agent.agent.desired.render_lanes import RenderLanes, RenderTask
from gitops_agent.manifest.key import AppKey
from gitops_agent.render.renderer import RenderRequest
from gitops_agent.revision.tree import Tree
from tests.agent.samples import key
from tests.waiting import eventually


class Performer:
    """Holds tasks of some applications until cancelled or opened; restarts preempted ones."""

    def __init__(self) -> None:
        self.lanes: RenderLanes
        self.hanging: set[AppKey] = set()
        self.running: list[AppKey] = []
        self.done: list[AppKey] = []
        self.opened = threading.Event()

    def perform(self, task: RenderTask) -> None:
        self.running.append(task.application)
        while task.application in self.hanging and not task.cancel.wait(0.01) and not self.opened.is_set():
            pass
        self.running.remove(task.application)
        if task.preempted:
            self.lanes.add(self.task(task.application))
        else:
            self.done.append(task.application)

    @staticmethod
    def task(application: AppKey) -> RenderTask:
        return RenderTask(
            application=application, slot="head", tree=cast("Tree", None), request=cast("RenderRequest", None), key=""
        )

    def add(self, name: str) -> None:
        self.lanes.add(self.task(key(name)))


@pytest.fixture
def performer() -> Iterator[Performer]:
    performer = Performer()
    performer.lanes = RenderLanes(performer, concurrency=2, quick_seconds=0.1)
    yield performer
    performer.opened.set()
    performer.lanes.stop()


def test_many_that_hang_leave_a_thread_to_the_others(performer: Performer) -> None:
    names = [f"slow{number}" for number in range(4)]
    performer.hanging = {key(name) for name in names}
    for name in names:
        performer.add(name)

    performer.add("quick")
    eventually(lambda: key("quick") in performer.done)
    eventually(lambda: len(performer.running) == 1)
    performer.add("another")
    eventually(lambda: key("another") in performer.done)

    assert not performer.hanging & set(performer.done)


def test_slow_ones_get_their_turn_one_after_the_other(performer: Performer) -> None:
    performer.hanging = {key("one"), key("two")}
    performer.add("one")
    performer.add("two")
    eventually(lambda: len(performer.running) == 1)

    performer.opened.set()

    eventually(lambda: set(performer.done) == performer.hanging)


def test_a_render_runs_although_its_time_cannot_be_watched(performer: Performer, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(_timer: threading.Timer) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Timer, "start", no_thread)
    performer.add("shop")

    eventually(lambda: performer.done == [key("shop")])
    eventually(lambda: not performer.lanes._running)


def test_an_application_known_to_be_quick_waits_for_one_that_is_not_known_at_most() -> None:
    performer = Performer()
    performer.lanes = RenderLanes(performer, concurrency=1, quick_seconds=30.0)
    try:
        performer.add("quick")
        eventually(lambda: performer.done == [key("quick")])
        performer.hanging = {key("first")}
        performer.add("first")
        eventually(lambda: performer.running == [key("first")])
        for name in ("second", "third", "quick", "fourth"):
            performer.add(name)
        performer.opened.set()
        eventually(lambda: len(performer.done) == 6)
    finally:
        performer.lanes.stop()

    assert performer.done == [key(name) for name in ("quick", "first", "quick", "second", "third", "fourth")]


def test_a_render_that_a_newer_commit_ends_early_is_not_known_to_be_quick() -> None:
    performer = Performer()
    performer.lanes = RenderLanes(performer, concurrency=1, quick_seconds=30.0)
    try:
        performer.hanging = {key("hangs"), key("first")}
        superseded = performer.task(key("hangs"))
        performer.lanes.add(superseded)
        eventually(lambda: performer.running == [key("hangs")])
        superseded.cancel.set()
        performer.add("first")
        eventually(lambda: performer.running == [key("first")])
        for name in ("second", "hangs"):
            performer.add(name)
        performer.opened.set()
        eventually(lambda: len(performer.done) == 4)
    finally:
        performer.lanes.stop()

    assert performer.done == [key(name) for name in ("hangs", "first", "second", "hangs")]
