"""Watches of kinds that come, go and move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.watch import Watch
from gitops_agent.errors import CannotSee
from tests.cluster.watch_recorder import WatchRecorder, watching
from tests.cluster.wire import Asked, Line, Script, Wire
from tests.waiting import eventually

pytestmark = pytest.mark.slow

Start = Callable[[Script], Wire]

WIDGET = Resource(group="example.com", version="v1", kind="Widget", plural="widgets", namespaced=True)
WIDGETS = {"kind": "WidgetList", "metadata": {"resourceVersion": "10"}, "items": [{"metadata": {"name": "a"}}]}


class Groups:
    """A server whose kind can go away, with discovery."""

    def __init__(self) -> None:
        self.versions = ["v1"]
        self.discovery_down = False
        self.serve = True

    def __call__(self, asked: Asked, line: Line) -> None:
        if asked.path in {"/api", "/apis"}:
            self._discover(asked, line)
        elif not self.serve or asked.path.split("/")[3] not in self.versions:
            line.text("404 page not found\n", 404)
        elif "watch" in asked.query:
            line.begin()
            line.end()
        else:
            line.json(WIDGETS)

    def _discover(self, asked: Asked, line: Line) -> None:
        if self.discovery_down:
            line.refuse(503, "ServiceUnavailable")
            return
        kind = {"resource": "widgets", "responseKind": {"kind": "Widget"}, "scope": "Namespaced", "verbs": ["list", "watch"]}
        group = {
            "metadata": {"name": "example.com"},
            "versions": [{"version": version, "resources": [kind]} for version in self.versions],
        }
        items = [group] if asked.path == "/apis" and self.versions else []
        line.json({"kind": "APIGroupDiscoveryList", "items": items})


@contextmanager
def watching_widgets(wire: Start, folder: Path, groups: Groups, recorder: WatchRecorder) -> Iterator[Watch]:
    server = wire(groups)
    discovery = Discovery(server.transport(folder))
    discovery.find("example.com", "Widget")
    with watching(server, folder, recorder, resource=WIDGET, discovery=discovery) as watch:
        yield watch


def test_a_kind_that_is_confirmed_gone_has_no_objects(wire: Start, tmp_path: Path) -> None:
    groups, recorder = Groups(), WatchRecorder()
    with watching_widgets(wire, tmp_path, groups, recorder) as watch:
        eventually(lambda: recorder.syncs)
        groups.versions = []
        eventually(lambda: recorder.syncs[-1] == [])
        lists = watch.lists
        eventually(lambda: watch.lists > lists + 2)

    assert (recorder.syncs, recorder.errors) == ([["a"], []], [])


def test_a_kind_that_comes_back_is_listed_again(wire: Start, tmp_path: Path) -> None:
    groups, recorder = Groups(), WatchRecorder()
    with watching_widgets(wire, tmp_path, groups, recorder):
        eventually(lambda: recorder.syncs)
        groups.versions = []
        eventually(lambda: recorder.syncs[-1] == [])
        groups.versions = ["v1"]
        eventually(lambda: recorder.syncs[-1] == ["a"])


def test_a_kind_that_discovery_still_knows_cannot_be_seen(wire: Start, tmp_path: Path) -> None:
    groups, recorder = Groups(), WatchRecorder()
    with watching_widgets(wire, tmp_path, groups, recorder):
        eventually(lambda: recorder.syncs)
        groups.serve = False
        eventually(lambda: recorder.errors)

    assert isinstance(recorder.errors[0], CannotSee)
    assert recorder.syncs == [["a"]]


def test_a_kind_is_not_gone_while_discovery_does_not_answer(wire: Start, tmp_path: Path) -> None:
    groups, recorder = Groups(), WatchRecorder()
    with watching_widgets(wire, tmp_path, groups, recorder):
        eventually(lambda: recorder.syncs)
        groups.discovery_down, groups.serve = True, False
        eventually(lambda: recorder.errors)

    assert recorder.syncs == [["a"]]


def test_a_kind_that_moved_to_another_version_is_followed_there(wire: Start, tmp_path: Path) -> None:
    groups, recorder = Groups(), WatchRecorder()
    with watching_widgets(wire, tmp_path, groups, recorder) as watch:
        eventually(lambda: recorder.syncs)
        groups.versions = ["v2"]
        eventually(lambda: watch.resource.version == "v2" and recorder.syncs[-1] == ["a"] and len(recorder.syncs) == 2)

    assert recorder.errors == []
