from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.watch import Timing, Watch, WatchOptions
from gitops_agent.errors import AgentError, CannotSee, Unavailable
from tests.cluster.watch_recorder import CONFIGMAP, WatchRecorder, watching
from tests.cluster.wire import Asked, Line, Script, Wire
from tests.waiting import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.slow

Start = Callable[[Script], Wire]

WIDGET = Resource(group="example.com", version="v1", kind="Widget", plural="widgets", namespaced=True)


def event(kind: str, name: str, version: int) -> dict[str, Any]:
    meta = {"name": name, "resourceVersion": str(version)}
    return {"type": kind, "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}}


def listed(*names: str, version: int = 10) -> dict[str, Any]:
    return {
        "kind": "ConfigMapList",
        "metadata": {"resourceVersion": str(version)},
        "items": [{"metadata": {"name": name, "resourceVersion": "1"}} for name in names],
    }


GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}}


class Server:
    """Answers lists with `listing`, and streams in turn, the last one repeatedly."""

    def __init__(self, *streams: Callable[[Line], None], listing: dict[str, Any] | None = None) -> None:
        self.streams = list(streams) or [hang]
        self.listing = listing or listed("a")
        self.refusal = 0
        self.places: list[str] = []
        self.lists = 0
        self.version = 1_000_000

    def __call__(self, asked: Asked, line: Line) -> None:
        if self.refusal:
            line.refuse(self.refusal, "Refused", "no configmaps for you")
        elif "watch" in asked.query:
            self.places.append(asked.query["resourceVersion"])
            self.streams[min(len(self.places), len(self.streams)) - 1](line)
        elif asked.query["limit"] == "1":
            line.json(listed(version=self.version))
        else:
            self.lists += 1
            line.json(self.listing)


def hang(line: Line) -> None:
    line.begin()
    line.hang()


def then_hang(*events: dict[str, Any] | bytes) -> Callable[[Line], None]:
    def stream(line: Line) -> None:
        line.begin()
        for change in events:
            line.chunk(change)
        line.hang()

    return stream


def then_end(*events: dict[str, Any] | bytes) -> Callable[[Line], None]:
    def stream(line: Line) -> None:
        line.begin()
        for change in events:
            line.chunk(change)
        line.end()

    return stream


def then_cut(*events: dict[str, Any] | bytes) -> Callable[[Line], None]:
    def stream(line: Line) -> None:
        line.begin()
        for change in events:
            line.chunk(change)
        line.cut()

    return stream


def test_a_list_is_followed_by_its_events_in_order(wire: Start, tmp_path: Path) -> None:
    events = [event("ADDED", "b", 11), event("MODIFIED", "b", 12), event("MODIFIED", "a", 13), event("DELETED", "b", 14)]
    server, recorder = Server(then_hang(*events)), WatchRecorder()
    with watching(wire(server), tmp_path, recorder, timing=Timing()):
        eventually(lambda: len(recorder.said) == 5)

    assert recorder.said == [("sync", ["a"]), ("ADDED", "b"), ("MODIFIED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    assert server.places == ["10"]


def test_a_stream_the_server_ends_goes_on_from_the_last_place_without_a_list(wire: Start, tmp_path: Path) -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "20"}}}
    server, recorder = Server(then_end(event("ADDED", "b", 11), bookmark), then_hang(event("ADDED", "c", 21))), WatchRecorder()
    with watching(wire(server), tmp_path, recorder, timing=Timing()):
        eventually(lambda: ("ADDED", "c") in recorder.said)

    assert (server.places, server.lists, recorder.errors) == (["10", "20"], 1, [])


@pytest.mark.parametrize("ends", [then_end, then_cut])
def test_a_server_that_lost_versions_while_a_stream_was_cut_is_asked_for_everything(
    wire: Start, tmp_path: Path, ends: Callable[..., Callable[[Line], None]]
) -> None:
    server, recorder = Server(ends(event("ADDED", "b", 20)), hang), WatchRecorder()
    server.version = 15
    with watching(wire(server), tmp_path, recorder, timing=Timing(first_wait_seconds=0.02)):
        eventually(lambda: len(server.places) == 2)

    assert (server.places, server.lists, recorder.errors) == (["10", "10"], 2, [])


def test_a_stream_that_ends_in_time_costs_no_request(wire: Start, tmp_path: Path) -> None:
    def in_time(line: Line) -> None:
        line.begin()
        line.chunk(event("ADDED", "b", 11))
        threading.Event().wait(3)
        line.end()

    server = Server(in_time, hang)
    server.version = 1
    with watching(wire(server), tmp_path, WatchRecorder(), timing=Timing(server_seconds=2)):
        eventually(lambda: len(server.places) == 2)

    assert (server.places, server.lists) == (["10", "11"], 1)


@pytest.mark.parametrize("status", [410, 504])
def test_a_refused_watch_is_listed_again_only_when_its_place_is_forgotten(wire: Start, tmp_path: Path, status: int) -> None:
    server, recorder = Server(lambda line: line.refuse(status, "Gone"), hang), WatchRecorder()
    with watching(wire(server), tmp_path, recorder, timing=Timing(first_wait_seconds=0.02)):
        eventually(lambda: len(server.places) == 2)

    assert (server.lists, recorder.syncs) == ((2, [["a"], ["a"]]) if status == 410 else (1, [["a"]]))


def test_a_place_forgotten_in_the_middle_of_a_stream_means_a_new_list(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(then_hang(event("ADDED", "b", 11), GONE), hang), WatchRecorder()
    with watching(wire(server), tmp_path, recorder, timing=Timing(first_wait_seconds=0.02)):
        eventually(lambda: len(server.places) == 2)

    assert recorder.said == [("sync", ["a"]), ("ADDED", "b"), ("sync", ["a"])]
    assert recorder.errors == []


@pytest.mark.parametrize(
    "torn",
    [
        then_hang(event("ADDED", "b", 11), b'{"type": "ADDED", "obj\n'),
        then_end(event("ADDED", "b", 11), b'{"type": "ADDED", "obj'),
        then_cut(event("ADDED", "b", 11), b'{"type": "ADD'),
        then_hang(event("ADDED", "b", 11), b"[]\n"),
        then_hang(event("ADDED", "b", 11), b'{"type": "ADDED"}\n'),
    ],
    ids=["torn line", "torn end", "broken connection", "no event", "no object"],
)
def test_a_torn_stream_goes_on_from_the_last_whole_event(wire: Start, tmp_path: Path, torn: Callable[[Line], None]) -> None:
    server, recorder = Server(torn, then_hang(event("ADDED", "c", 12))), WatchRecorder()
    with watching(wire(server), tmp_path, recorder, timing=Timing(first_wait_seconds=0.02)):
        eventually(lambda: ("ADDED", "c") in recorder.said)

    assert recorder.said == [("sync", ["a"]), ("ADDED", "b"), ("ADDED", "c")]
    assert server.places == ["10", "11"]


def test_a_stream_without_a_sign_of_life_is_opened_anew(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(then_hang(event("ADDED", "b", 11)), then_hang(event("ADDED", "c", 12))), WatchRecorder()
    with watching(wire(server), tmp_path, recorder):
        eventually(lambda: ("ADDED", "c") in recorder.said)

    assert server.places[:2] == ["10", "11"]
    assert server.lists == 1


def test_a_server_that_ends_every_stream_at_once_is_not_asked_in_a_loop(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(then_end()), WatchRecorder()
    began = time.monotonic()
    with watching(wire(server), tmp_path, recorder, timing=Timing(first_wait_seconds=0.2)):
        eventually(lambda: len(server.places) >= 3)

    assert time.monotonic() - began >= 0.2 + 0.4


def test_a_torn_list_is_no_list(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(listing={"kind": "ConfigMapList", "metadata": {}, "items": []}), WatchRecorder()
    with watching(wire(server), tmp_path, recorder):
        eventually(lambda: recorder.errors)
        server.listing = listed("a")
        eventually(lambda: recorder.syncs)

    assert isinstance(recorder.errors[0], CannotSee)
    assert recorder.syncs == [["a"]]


def test_a_missing_permission_is_reported_once_and_its_return_noticed(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(hang), WatchRecorder()
    server.refusal = 403
    with watching(wire(server), tmp_path, recorder) as watch:
        eventually(lambda: recorder.errors)
        eventually(lambda: watch.lists >= 4)

        assert not watch.synced.is_set()
        server.refusal = 0
        assert watch.synced.wait(LIMIT_SECONDS)

    assert recorder.said[:2] == [("error", "CannotSee"), ("sync", ["a"])]
    assert "configmaps cannot be listed or watched: no configmaps for you" in str(recorder.errors[0])


def test_a_permission_that_is_lost_is_reported_and_its_return_brings_a_whole_list(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(then_end(event("ADDED", "b", 11)), hang), WatchRecorder()
    with watching(wire(server), tmp_path, recorder):
        eventually(lambda: ("ADDED", "b") in recorder.said)
        server.refusal = 403
        eventually(lambda: recorder.errors)
        server.refusal = 0
        eventually(lambda: len(recorder.syncs) == 2)

    assert [kind for kind, _ in recorder.said] == ["sync", "ADDED", "error", "sync"]


def test_a_short_outage_is_not_reported(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(then_cut(), then_cut(), then_hang(event("ADDED", "b", 11))), WatchRecorder()
    with watching(wire(server), tmp_path, recorder, timing=Timing(first_wait_seconds=0.02)):
        eventually(lambda: ("ADDED", "b") in recorder.said)

    assert (recorder.errors, server.lists) == ([], 1)


def test_a_long_outage_is_reported_and_ends_with_a_whole_list(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(then_end(event("ADDED", "b", 11)), hang), WatchRecorder()
    with watching(wire(server), tmp_path, recorder):
        eventually(lambda: ("ADDED", "b") in recorder.said)
        server.refusal = 503
        eventually(lambda: recorder.errors)
        server.refusal = 0
        eventually(lambda: len(recorder.syncs) == 2)

    assert isinstance(recorder.errors[0], Unavailable)


def test_the_first_failure_before_the_first_list_is_reported_at_once(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(), WatchRecorder()
    server.refusal = 500
    with watching(wire(server), tmp_path, recorder, timing=Timing(grace_seconds=3600)):
        eventually(lambda: recorder.errors)


def test_the_wait_a_server_asks_for_is_kept(wire: Start, tmp_path: Path) -> None:
    times: list[float] = []

    def script(asked: Asked, line: Line) -> None:
        times.append(time.monotonic())
        line.refuse(429, "TooManyRequests", retry_after="1")

    with watching(wire(script), tmp_path, WatchRecorder()):
        eventually(lambda: len(times) >= 2)

    assert times[1] - times[0] >= 0.95


def test_a_receiver_that_fails_gets_everything_once_more(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(then_hang(event("ADDED", "b", 11)), hang), WatchRecorder()
    recorder.fail_next = True
    with watching(wire(server), tmp_path, recorder):
        eventually(lambda: len(recorder.syncs) == 2)

    assert [kind for kind, _ in recorder.said] == ["sync", "ADDED", "error", "sync"]


def test_a_receiver_that_fails_when_it_is_told_of_a_failure_ends_no_watch(wire: Start, tmp_path: Path) -> None:
    class Surprised(WatchRecorder):
        surprised = False

        def on_error(self, error: AgentError) -> None:
            super().on_error(error)
            if not self.surprised:
                self.surprised = True
                raise RuntimeError("surprise")

    recorder = Surprised()
    recorder.fail_next = True
    with watching(wire(Server(hang, hang)), tmp_path, recorder):
        eventually(lambda: len(recorder.syncs) == 2)

    assert recorder.surprised


def test_objects_of_a_list_are_made_small_page_by_page(wire: Start, tmp_path: Path) -> None:
    got: list[list[Any]] = []

    class Lists(WatchRecorder):
        def on_sync(self, everything: list[Any], _resource_version: str) -> None:
            got.append(everything)

    server = wire(Server(listing=listed("a", "b")))
    watch = Watch(
        server.transport(tmp_path),
        CONFIGMAP,
        Lists(),
        options=WatchOptions(distil=lambda obj: (obj["kind"], obj["metadata"]["name"])),
    )
    watch.start()
    try:
        assert watch.synced.wait(LIMIT_SECONDS)
    finally:
        watch.stop()

    assert got == [[("ConfigMap", "a"), ("ConfigMap", "b")]]


def test_selectors_and_the_namespace_are_sent_with_both_requests(wire: Start, tmp_path: Path) -> None:
    recorder, server = WatchRecorder(), wire(Server())
    with watching(server, tmp_path, recorder, namespace="shop", label_selector="a=b", field_selector="c=d"):
        eventually(lambda: len(server.asked) >= 2)

    for asked in server.asked[:2]:
        assert asked.path == "/api/v1/namespaces/shop/configmaps"
        assert (asked.query["labelSelector"], asked.query["fieldSelector"]) == ("a=b", "c=d")
    assert server.asked[1].query["allowWatchBookmarks"] == "true"
    assert 240 <= int(server.asked[1].query["timeoutSeconds"]) <= 480


def test_metadata_is_asked_for_and_named_after_the_kind(wire: Start, tmp_path: Path) -> None:
    added = event("ADDED", "b", 11)
    added["object"] |= {"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata"}
    recorder, server = WatchRecorder(), wire(Server(then_hang(added)))
    with watching(server, tmp_path, recorder, metadata_only=True):
        eventually(lambda: "b" in recorder.known)

    assert all("PartialObjectMetadata" in asked.headers["accept"] for asked in server.asked)
    assert (recorder.known["b"]["apiVersion"], recorder.known["b"]["kind"]) == ("v1", "ConfigMap")


def test_the_thread_is_named_after_the_resource(wire: Start, tmp_path: Path) -> None:
    with watching(wire(Server()), tmp_path, WatchRecorder(), resource=WIDGET):
        assert "watch-widgets.example.com" in {thread.name for thread in threading.enumerate()}


def test_stopping_ends_a_blocked_read_at_once(wire: Start, tmp_path: Path) -> None:
    recorder, server = WatchRecorder(), wire(Server(hang))
    with watching(server, tmp_path, recorder, timing=Timing()) as watch:
        eventually(lambda: watch.streams == 1 and watch._stream is not None)
        watch.stop(LIMIT_SECONDS)

        assert not watch._thread.is_alive()


def test_stopping_ends_a_pause_at_once(wire: Start, tmp_path: Path) -> None:
    server, recorder = Server(), WatchRecorder()
    server.refusal = 403
    with watching(wire(server), tmp_path, recorder, timing=Timing(first_wait_seconds=600, longest_wait_seconds=600)) as watch:
        eventually(lambda: recorder.errors)
        watch.stop(LIMIT_SECONDS)

        assert not watch._thread.is_alive()


@pytest.mark.slow
def test_stopping_does_not_wait_for_a_list_that_hangs(wire: Start, tmp_path: Path) -> None:
    recorder, server = WatchRecorder(), wire(lambda _, line: line.hang())
    with watching(server, tmp_path, recorder, timing=Timing(list_seconds=600)) as watch:
        eventually(lambda: server.asked)
        began = time.monotonic()
        watch.stop(0.5)

        assert time.monotonic() - began < LIMIT_SECONDS


def test_nothing_is_reported_after_the_stop(wire: Start, tmp_path: Path) -> None:
    def endless(line: Line) -> None:
        line.begin()
        version = 11
        while not server.over.is_set():
            line.chunk(event("MODIFIED", "a", version))
            version += 1

    recorder, server = WatchRecorder(), wire(Server(endless))
    with watching(server, tmp_path, recorder) as watch:
        eventually(lambda: len(recorder.said) > 50)
        watch.stop()
        count = len(recorder.said)
        watch._thread.join(LIMIT_SECONDS)

        assert len(recorder.said) == count


def test_a_server_that_was_away_is_asked_for_everything_since_its_data_may_be_those_of_a_backup(
    wire: Start, tmp_path: Path
) -> None:
    cut = threading.Event()

    def until_cut(line: Line) -> None:
        line.begin()
        line.chunk(event("ADDED", "b", 11))
        cut.wait(LIMIT_SECONDS)
        line.cut()

    server, recorder = Server(until_cut, hang), WatchRecorder()
    started = wire(server)
    with watching(started, tmp_path, recorder, timing=Timing(first_wait_seconds=0.02, longest_wait_seconds=0.1)) as watch:
        eventually(lambda: ("ADDED", "b") in recorder.said)
        with started.away():
            cut.set()
            eventually(lambda: watch.streams > 2, what="it was tried while nothing listened")
        eventually(lambda: server.places == ["10", "10"])

    assert (recorder.errors, recorder.syncs[1]) == ([], ["a"])


def test_a_place_that_the_server_has_not_reached_means_a_new_list(wire: Start, tmp_path: Path) -> None:
    causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
    places: list[str] = []

    def script(asked: Asked, line: Line) -> None:
        if "watch" not in asked.query:
            line.json({"kind": "ConfigMapList", "metadata": {"resourceVersion": str(1000 - 95 * len(places))}, "items": []})
            return
        places.append(asked.query["resourceVersion"])
        if len(places) == 1:
            line.refuse(504, "Timeout", "Too large resource version: 1000, current: 905", {"causes": causes})
        else:
            line.hang()

    with watching(wire(script), tmp_path, WatchRecorder(), timing=Timing(first_wait_seconds=0.02)):
        eventually(lambda: places == ["1000", "905"])
