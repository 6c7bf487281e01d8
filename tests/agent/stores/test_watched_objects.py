from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from gitops_agent.agent.stores.config_maps import ConfigMapStore
from gitops_agent.agent.stores.watched_objects import _Watched
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import AgentError, NotFound, SourceError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import CONFIG_MAP
from tests.clock import Clock
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


class Changes(list[str]):
    """A listener that keeps the places of changed objects."""

    def rotated(self, place: str, /) -> None:
        self.append(place)


@pytest.fixture
def changes() -> Changes:
    return Changes()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def config_maps(objects: Objects, changes: Changes, clock: Clock) -> Iterator[ConfigMapStore]:
    store = ConfigMapStore(objects, clock=clock)
    store.subscribe(changes)
    yield store
    store.stop()


def begin(store: ConfigMapStore, namespace: str, changes: Changes) -> None:
    """Holds the object, and waits for its first answer.

    It is reported, unless the API server was so quick that the hold itself has it.
    """
    try:
        early = store.hold(namespace, "site") is not None
    except AgentError:
        early = True
    if not early:
        eventually(lambda: f"{namespace}/site" in changes)


def config_map(namespace: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site", "namespace": namespace}, "data": data}


def test_a_hold_does_not_wait_and_its_first_answer_is_reported(
    config_maps: ConfigMapStore, objects: Objects, namespace: str, changes: Changes
) -> None:
    objects.apply(config_map(namespace, city="Bonn"))

    begin(config_maps, namespace, changes)

    assert config_maps.hold(namespace, "site") == {"city": b"Bonn"}


def test_an_answer_that_comes_while_a_hold_begins_is_reported(changes: Changes) -> None:
    watched = _Watched(CONFIG_MAP, "shop/site", [changes])

    class Answered(threading.Event):
        """A reader begins to wait just before."""

        def set(self) -> None:
            watched.awaited = True
            super().set()

    watched.answered = Answered()

    watched.put(config_map("shop", city="Bonn"))

    assert changes == ["shop/site"]


def test_an_object_that_is_not_there_is_reported_when_it_comes(
    config_maps: ConfigMapStore, objects: Objects, namespace: str, changes: Changes
) -> None:
    begin(config_maps, namespace, changes)
    with pytest.raises(NotFound, match=f"no ConfigMap {namespace}/site"):
        config_maps.hold(namespace, "site")
    before = len(changes)

    objects.apply(config_map(namespace, city="Bonn"))

    eventually(lambda: config_maps.hold(namespace, "site") == {"city": b"Bonn"})
    eventually(lambda: len(changes) > before)


def test_a_first_answer_that_is_a_refusal_is_reported(nowhere: Transport, discovery: Discovery, changes: Changes) -> None:
    store = ConfigMapStore(Objects(nowhere, discovery))
    store.subscribe(changes)
    try:
        begin(store, "default", changes)
        with pytest.raises(SourceError, match="cannot be read") as refused:
            store.hold("default", "site")
        assert refused.value.transient
    finally:
        store.stop()


def test_a_held_object_is_watched_until_it_is_released(
    config_maps: ConfigMapStore, objects: Objects, namespace: str, clock: Clock
) -> None:
    objects.apply(config_map(namespace, city="Bonn"))
    config_maps.hold(namespace, "site")

    clock.now += 5000
    with pytest.raises(NotFound):
        config_maps.data(namespace, "another")
    assert f"{namespace}/site" in config_maps._watched

    config_maps.release(namespace, "site")
    clock.now += 5000
    with pytest.raises(NotFound):
        config_maps.data(namespace, "third")
    assert set(config_maps._watched) == {f"{namespace}/third"}
