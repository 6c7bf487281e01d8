from __future__ import annotations

from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.server.rows import Rows
from tests.server.applications import application


class Cluster:
    """Applications that a test changes."""

    def __init__(self, *names: str) -> None:
        self.objects: dict[AppKey, Object] = {AppKey("gitops", name): application(name) for name in names}
        self.rows = Rows(self.objects.get, lambda _: None)
        self.rows.activate(list(self.objects))

    def change(self, name: str, **changes: str) -> None:
        self.objects[AppKey("gitops", name)] = application(name, **changes)
        self.rows.touch(AppKey("gitops", name))

    def delete(self, name: str) -> None:
        del self.objects[AppKey("gitops", name)]
        self.rows.touch(AppKey("gitops", name))

    def mark(self) -> str:
        return f"{self.rows.epoch}-{self.rows.seq}"


def names(keys: tuple[AppKey, ...]) -> list[str]:
    return [key.name for key in keys]


def test_a_viewer_that_missed_nothing_gets_nothing() -> None:
    cluster = Cluster("a", "b")

    changes = cluster.rows.since(cluster.mark())

    assert (changes.reset, changes.rows, changes.gone) == ("", (), ())


def test_a_viewer_gets_the_present_state_of_what_changed_once() -> None:
    cluster = Cluster("a", "b", "c")
    mark = cluster.mark()
    for message in ("one", "two", "three"):
        cluster.change("b", message=message)
        cluster.rows.flush()
    cluster.change("a", message="one")
    cluster.rows.flush()

    assert names(cluster.rows.since(mark).rows) == ["b", "a"]


def test_a_deleted_application_is_gone_until_it_is_back() -> None:
    cluster = Cluster("a", "b")
    mark = cluster.mark()
    cluster.delete("a")
    cluster.rows.flush()
    assert names(cluster.rows.since(mark).gone) == ["a"]

    cluster.change("a", message="again")
    cluster.rows.flush()

    changes = cluster.rows.since(mark)
    assert (names(changes.rows), changes.gone) == (["a"], ())


def test_another_epoch_and_a_number_of_the_future_are_reset() -> None:
    cluster = Cluster("a")

    assert cluster.rows.since("00000000-1").reset == "epoch"
    assert cluster.rows.since("nonsense").reset == "epoch"
    assert cluster.rows.since(f"{cluster.rows.epoch}-99").reset == "gap"


def test_more_deletions_than_are_remembered_are_a_gap() -> None:
    cluster = Cluster(*(f"app-{number}" for number in range(1_100)))
    mark = cluster.mark()
    for number in range(1_050):
        cluster.delete(f"app-{number}")
    cluster.rows.flush()

    assert cluster.rows.since(mark).reset == "gap"


def test_a_change_that_no_row_shows_is_no_change_of_a_row() -> None:
    cluster = Cluster("a")
    mark = cluster.mark()
    cluster.change("a", version="77")
    changed, gone, touched = cluster.rows.flush()

    assert (changed, gone, [key.name for key in touched]) == ([], [], ["a"])
    entry = cluster.rows.entry(AppKey("gitops", "a"))
    assert entry is not None
    assert entry.version == "77"
    assert cluster.rows.since(mark).rows == ()


def test_without_viewers_nothing_is_kept() -> None:
    cluster = Cluster("a")
    cluster.rows.release()

    assert cluster.rows.touch(AppKey("gitops", "a")) is False
    assert cluster.rows.snapshot()[2] == []
    assert cluster.rows.flush() == ([], [], [])


def test_a_new_term_has_another_epoch() -> None:
    cluster = Cluster("a")
    mark = cluster.mark()
    cluster.rows.release()
    cluster.rows.activate(list(cluster.objects))

    assert cluster.rows.since(mark).reset == "epoch"
