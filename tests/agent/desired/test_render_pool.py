from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import pytest

from gitops_agent.agent.desired.render_lanes import RenderTask
from gitops_agent.agent.desired.render_pool import HEAD, RenderPool
from gitops_agent.agent.work_queue import Priority, WorkQueue
from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import AppKey
from gitops_agent.render.binaries import find
from gitops_agent.render.disk_cache import RenderCache
from gitops_agent.render.renderer import KubeFacts, Rendered, Renderer, RenderRequest
from gitops_agent.revision.tree import Tree
from gitops_agent.source.sources import Ref, Sources
from tests.agent.samples import config_map, key
from tests.render.programs import FAILS, HANGS, program
from tests.source.author import Author
from tests.waiting import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.slow

SHOP, DESK = key("shop"), key("desk")
MAIN = Ref(kind="branch", value="main")
HANGING = {"app/kustomization.yaml": "resources: [one.yaml]\n", "app/one.yaml": config_map("one")}
PLAIN = {"app/one.yaml": config_map("one")}


class Studio:
    """A pool of one render, whose kustomize hangs, and its trees."""

    def __init__(self, folder: Path, author: Author, sources: Sources) -> None:
        self.author, self.sources = author, sources
        self.finished: list[AppKey] = []
        self.queue: WorkQueue[AppKey] = WorkQueue(clock=lambda: 0.0)
        kustomize = program(folder / "bin", HANGS)
        self.scratch = folder / "scratch"
        renderer = Renderer(scratch=self.scratch, kustomize=kustomize)
        self.rendering = RenderPool(renderer, self.wake, concurrency=1)

    def wake(self, application: AppKey, reason: str, priority: Priority) -> None:
        self.queue.add(application, reason, priority)
        self.finished.append(application)

    def tree(self, files: dict[str, str]) -> Tree:
        commit = self.author.commit(files)
        self.sources.poll(self.author.repository, frozenset({MAIN}))
        return self.sources.tree(self.author.repository, commit)

    def ask(
        self, tree: Tree, application: AppKey = SHOP, *, path: str = "app", namespace: str = "shop", slot: str = HEAD
    ) -> Rendered | None:
        request = RenderRequest(application=application, path=path, options=None, namespace=namespace, facts=KubeFacts())
        return self.rendering.rendered(application, tree, request, slot=slot)

    def wait(self, tree: Tree, application: AppKey = SHOP, **options: str) -> Rendered:
        """Requests until there is a render."""
        rendered = eventually(lambda: self.ask(tree, application, **options))
        assert rendered is not None
        return rendered

    def wait_for_failure(self, tree: Tree) -> RenderError:
        def failed() -> RenderError | None:
            try:
                self.ask(tree)
            except RenderError as error:
                return error
            return None

        error = eventually(failed)
        assert error is not None
        return error

    def hang(self) -> None:
        """Occupies the pool with a render that does not end."""
        self.ask(self.tree(HANGING))
        eventually(lambda: self.scratch.exists() and list(self.scratch.iterdir()), what="it runs")


@pytest.fixture
def studio(tmp_path: Path, author: Author, sources: Sources) -> Iterator[Studio]:
    studio = Studio(tmp_path, author, sources)
    yield studio
    studio.rendering.stop()


def test_a_render_is_requested_and_wakes_its_application_when_it_is_done(studio: Studio) -> None:
    tree = studio.tree(PLAIN)

    assert studio.ask(tree) is None
    eventually(lambda: studio.finished == [SHOP])

    rendered = studio.ask(tree)
    assert rendered is not None
    assert [manifest.key.name for manifest in rendered.manifests] == ["one"]


def test_a_finished_render_is_served_before_what_its_commit_left_alone(studio: Studio) -> None:
    others = [AppKey("gitops-system", f"other-{number}") for number in range(3)]
    for other in others:
        studio.queue.add(other, "main moved", Priority.COMMIT)

    studio.ask(studio.tree(PLAIN))
    eventually(lambda: studio.finished == [SHOP])

    item = studio.queue.take(timeout=LIMIT_SECONDS)
    assert item is not None
    assert item.key == SHOP


def test_the_same_request_again_is_one_render(studio: Studio) -> None:
    tree = studio.tree(PLAIN)
    for _ in range(10):
        studio.ask(tree)
    studio.wait(tree)

    assert studio.rendering.count == 1


def test_a_commit_that_leaves_the_closure_alone_is_answered_at_once(studio: Studio) -> None:
    first = studio.wait(studio.tree(PLAIN | {"other/readme.md": "one"}))

    assert studio.ask(studio.tree(PLAIN | {"other/readme.md": "two"})) is first
    assert studio.rendering.count == 1


def test_a_commit_that_touches_it_is_rendered(studio: Studio) -> None:
    studio.wait(studio.tree(PLAIN))
    tree = studio.tree({"app/one.yaml": config_map("another")})

    assert studio.ask(tree) is None
    assert [manifest.key.name for manifest in studio.wait(tree).manifests] == ["another"]


def test_a_commit_that_is_needed_further_is_not_rendered_again(studio: Studio) -> None:
    tree = studio.tree(PLAIN)
    first = studio.wait(tree)

    studio.rendering.keep(SHOP, {"stable web": tree.commit, "target web": "another"})
    newer = studio.tree({"app/one.yaml": config_map("another")})
    second = studio.wait(newer)

    assert studio.ask(tree, slot="stable web") is first
    studio.rendering.keep(SHOP, {"stable web": newer.commit})
    studio.wait(studio.tree({"app/one.yaml": config_map("third")}))
    assert studio.ask(newer, slot="stable web") is second
    assert studio.rendering.count == 3
    studio.rendering.keep(SHOP, {})
    assert studio.ask(tree, slot="stable web") is None


def test_other_options_are_another_render(studio: Studio) -> None:
    tree = studio.tree(PLAIN)
    studio.wait(tree)

    assert studio.ask(tree, namespace="elsewhere") is None


def test_a_failed_render_is_reported_every_time_and_not_retried_for_the_same_commit(studio: Studio) -> None:
    tree = studio.tree({"app/one.yaml": "kind: [\n"})
    first = studio.wait_for_failure(tree)

    with pytest.raises(RenderError) as second:
        studio.ask(tree)
    assert second.value is first
    assert studio.rendering.count == 1


def test_a_failed_render_is_retried_on_request(studio: Studio) -> None:
    tree = studio.tree({"app/one.yaml": "kind: [\n"})
    studio.wait_for_failure(tree)

    studio.rendering.retry(SHOP)

    assert studio.ask(tree) is None
    studio.wait_for_failure(tree)
    assert studio.rendering.count == 2


def test_a_good_render_is_kept_on_request(studio: Studio) -> None:
    tree = studio.tree(PLAIN)
    rendered = studio.wait(tree)

    studio.rendering.retry(SHOP)

    assert studio.ask(tree) is rendered


def test_a_commit_that_fixes_a_failed_render_is_rendered(studio: Studio) -> None:
    studio.wait_for_failure(studio.tree({"app/one.yaml": "kind: [\n"}))

    assert studio.wait(studio.tree(PLAIN)).manifests


def test_a_newer_request_ends_a_render_that_hangs(studio: Studio) -> None:
    studio.hang()
    started = time.monotonic()

    studio.wait(studio.tree(PLAIN))

    assert time.monotonic() - started < LIMIT_SECONDS
    assert studio.finished == [SHOP]
    assert not list(studio.scratch.iterdir())


def test_an_application_that_goes_ends_its_render(studio: Studio) -> None:
    studio.hang()

    studio.rendering.forget(SHOP)

    assert studio.wait(studio.tree(PLAIN), DESK).manifests
    assert studio.finished == [DESK]


def test_stopping_ends_what_hangs_and_what_waits(studio: Studio) -> None:
    studio.hang()
    studio.ask(studio.tree(PLAIN), DESK)
    done = threading.Thread(target=studio.rendering.stop)
    done.start()
    done.join(LIMIT_SECONDS)

    assert not done.is_alive()
    assert studio.finished == []


def test_a_reconcile_that_is_still_running_at_the_end_is_no_surprise(studio: Studio) -> None:
    tree = studio.tree(PLAIN)
    studio.rendering.stop()

    assert studio.ask(tree) is None


class Unreadable:
    """A tree whose disk has gone."""

    commit = "c" * 40

    def __getattr__(self, name: str) -> Callable[..., object]:
        def fail(*_: object, **__: object) -> object:
            raise OSError("input/output error")

        return fail


def test_a_surprise_is_the_failure_of_one_render(studio: Studio) -> None:
    error = studio.wait_for_failure(Unreadable())  # type: ignore[arg-type]

    assert error.reason == "RenderFailed"
    assert "OSError" in str(error)
    assert studio.wait(studio.tree(PLAIN), DESK).manifests


class Faltering:
    """A tree whose disk fails once."""

    def __init__(self, tree: Tree) -> None:
        self._tree, self._failed = tree, False

    @property
    def commit(self) -> str:
        return self._tree.commit

    def __getattr__(self, name: str) -> object:
        if not self._failed:
            self._failed = True
            raise OSError("no space left on device")
        return getattr(self._tree, name)


@pytest.mark.slow
def test_a_failure_that_may_pass_is_tried_again_and_known_until_then(studio: Studio) -> None:
    studio.rendering.start()
    tree = cast("Tree", Faltering(studio.tree(PLAIN)))
    studio.wait_for_failure(tree)

    eventually(lambda: studio.rendering.count == 2)

    assert studio.ask(tree) is not None
    assert studio.finished == [SHOP, SHOP]


def test_a_failure_is_not_repeated_by_commits_that_leave_its_inputs_alone(studio: Studio, tmp_path: Path) -> None:
    renderer = Renderer(scratch=tmp_path / "failing", kustomize=program(tmp_path / "failing-bin", FAILS))
    pool = studio.rendering = RenderPool(renderer, studio.wake, concurrency=1)
    first = studio.wait_for_failure(studio.tree(HANGING))

    assert studio.wait_for_failure(studio.tree(HANGING | {"other/readme.md": "x"})) is first
    assert pool.count == 1
    assert studio.wait_for_failure(studio.tree(HANGING | {"app/one.yaml": config_map("two")})) is not first
    assert pool.count == 2


def test_a_failure_before_all_inputs_are_known_is_tried_with_every_commit(studio: Studio) -> None:
    studio.wait_for_failure(studio.tree({"app/kustomization.yaml": "resources: [absent.yaml]\n"}))
    studio.wait_for_failure(studio.tree({"other/readme.md": "x"}))

    assert studio.rendering.count == 2


BUILT = {"app/kustomization.yaml": "resources: [one.yaml]\n", "app/one.yaml": config_map("one")}


@pytest.fixture
def start(studio: Studio, tmp_path: Path) -> Iterator[Callable[[], RenderPool]]:
    """Starts a new pool on the same folder, as a restart does."""
    started: list[RenderPool] = []

    def do() -> RenderPool:
        for pool in started:
            pool.stop()
        renderer = Renderer(scratch=tmp_path / "real", kustomize=find("kustomize").path)
        pool = studio.rendering = RenderPool(renderer, studio.wake, concurrency=1, cache=RenderCache(tmp_path / "rendered"))
        started.append(pool)
        return pool

    yield do
    for pool in started:
        pool.stop()


def test_a_new_process_takes_up_what_the_last_one_rendered(studio: Studio, start: Callable[[], RenderPool]) -> None:
    start()
    tree = studio.tree(BUILT)
    rendered = studio.wait(tree)

    again = start()
    kept = studio.ask(tree)

    assert kept == rendered
    assert again.count == 0


def test_a_new_process_renders_what_changed_meanwhile(studio: Studio, start: Callable[[], RenderPool]) -> None:
    start()
    studio.wait(studio.tree(BUILT))

    again = start()
    newer = studio.wait(studio.tree(BUILT | {"app/one.yaml": config_map("two")}))

    assert [manifest.key.name for manifest in newer.manifests] == ["two"]
    assert again.count == 1


def test_a_new_process_renders_for_another_request(studio: Studio, start: Callable[[], RenderPool]) -> None:
    start()
    tree = studio.tree(BUILT)
    studio.wait(tree)

    again = start()
    studio.wait(tree, namespace="elsewhere")

    assert again.count == 1


def test_a_render_that_cannot_be_kept_for_the_next_start_is_no_less_good(studio: Studio, tmp_path: Path) -> None:
    renderer = Renderer(scratch=tmp_path / "real", kustomize=find("kustomize").path)
    impossible = RenderCache(Path("no\0folder"))
    pool = studio.rendering = RenderPool(renderer, studio.wake, concurrency=1, cache=impossible)

    assert studio.wait(studio.tree(BUILT)).manifests
    assert pool.count == 1


def test_what_is_forgotten_is_not_taken_up(studio: Studio, start: Callable[[], RenderPool]) -> None:
    tree = studio.tree(BUILT)
    first = start()
    studio.wait(tree)
    first.forget(SHOP)

    again = start()
    studio.wait(tree)

    assert again.count == 1


def test_a_render_that_lost_its_turn_before_it_began_is_not_lost(studio: Studio) -> None:
    tree = studio.tree(PLAIN)
    request = RenderRequest(application=SHOP, path="app", options=None, namespace="shop", facts=KubeFacts())
    task = RenderTask(application=SHOP, slot=HEAD, tree=tree, request=request, key=studio.rendering._renderer.key(request))
    studio.rendering._work[SHOP, HEAD] = task
    task.preempted = True
    task.cancel.set()

    studio.rendering.perform(task)

    assert len(studio.wait(tree).manifests) == 1
