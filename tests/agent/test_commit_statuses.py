"""A forge on loopback, and what a running agent shows there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map
from tests.notify.receiver import Handler, Receiver, Told

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture
def forge() -> Iterator[Receiver]:
    def take(_: Told, handler: Handler) -> None:
        handler.answer(201, b'{"id": 7}')

    with Receiver(take) as receiver:
        yield receiver


def notifier(world: ClusterEnv, forge: Receiver) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "forge", "namespace": world.home}}
    world.objects.apply(secret | {"stringData": {"token": "t0k"}})
    spec = {
        "provider": "github",
        "address": forge.url.removesuffix("/hook"),
        "secretRef": {"name": "forge"},
        "repository": "acme/config",
        "commitStatus": {"name": "gitops/test"},
    }
    metadata = {"name": "forge", "namespace": world.home}
    world.objects.apply({"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Notifier", "metadata": metadata, "spec": spec})


def shown(forge: Receiver, commit: str, name: str = "gitops/test") -> list[tuple[str, str]]:
    """The statuses of a commit, in order."""
    statuses = [request.json for request in forge.told if request.path == f"/repos/acme/config/statuses/{commit}"]
    return [(status["state"], status["description"]) for status in statuses if status["context"] == name]


def test_each_commit_is_shown_and_a_restart_repeats_nothing(start: Callable[[], ClusterEnv], forge: Receiver) -> None:
    world = start()
    notifier(world, forge)
    files = {"shop/one.yaml": config_map("one", colour="red"), "desk/two.yaml": config_map("two")}
    first = world.commit(files)
    world.create("shop")
    world.create("desk")
    world.until(lambda: ("success", "2 of 2 live") in shown(forge, first), "the first commit is live")

    second = world.commit(files | {"shop/one.yaml": config_map("one", colour="blue")})
    world.until(lambda: shown(forge, second) and shown(forge, second, "gitops/test/shop"), "the second commit is shown")
    assert shown(forge, second) == [("success", "1 of 1 live")]
    assert shown(forge, second, "gitops/test/shop") == [("success", "live")]
    assert shown(forge, second, "gitops/test/desk") == []

    third = world.commit(files | {"shop/one.yaml": config_map("one", colour="blue"), "README.md": "x"})
    world.until(lambda: shown(forge, third), "the third commit is shown")
    assert shown(forge, third) == [("success", "nothing here is affected")]

    broken = world.commit(files | {"shop/one.yaml": "kind: [", "README.md": "x"})
    world.until(lambda: shown(forge, broken) and shown(forge, broken, "gitops/test/shop"), "the broken commit is shown")
    assert shown(forge, broken) == [("failure", "1 failed: shop")]
    world.stop()

    requests = len(forge.told)
    world = start()
    fixed = world.commit(files | {"README.md": "x"})
    world.until(lambda: shown(forge, fixed), "the fix is shown")

    assert shown(forge, fixed) == [("success", "1 of 1 live")]
    assert {request.path.rpartition("/")[2] for request in forge.told[requests:]} == {fixed}
