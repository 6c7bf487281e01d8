"""Deletions while the API server refuses, or delays, lists of a kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gitops_agent.manifest.key import GroupKind
from gitops_agent.sandbox.controlplane import ControlPlane
from gitops_agent.sandbox.kubeconfig import write_kubeconfig
from tests.acceptance.proxy import Call, Fault, Proxy
from tests.agent.cluster_env import ClusterEnv
from tests.agent.samples import config_map

pytestmark = pytest.mark.cluster
FORBIDDEN = Fault(status=403, reason="Forbidden")


@pytest.fixture
def proxy(control_plane: ControlPlane) -> Iterator[Proxy]:
    with Proxy(control_plane) as proxy:
        yield proxy


@pytest.fixture
def kubeconfig(control_plane: ControlPlane, proxy: Proxy, tmp_path: Path) -> Path:
    """Leads through the proxy."""
    authority, token = control_plane.authority, control_plane.token
    return write_kubeconfig(tmp_path / "proxied", server=proxy.url, authority=authority, user="admin", token=token)


def secret(name: str) -> str:
    return f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\nstringData:\n  key: value\n"


def no_secrets(call: Call) -> Fault | None:
    return FORBIDDEN if call.path.endswith("/secrets") and (call.listing or call.watch) else None


def test_a_kind_that_is_refused_since_the_start_counts_to_the_budget(
    start: Callable[..., ClusterEnv], proxy: Proxy, kubeconfig: Path
) -> None:
    first = start()
    maps = {f"shop/m{number}.yaml": config_map(f"m{number}") for number in range(5)}
    secrets = {f"shop/s{number}.yaml": secret(f"s{number}") for number in range(4)}
    commit = first.commit(maps | secrets)
    first.create("shop")
    first.await_synced("shop", commit)
    first.stop()
    proxy.rule = no_secrets
    first.author.commit({"shop/m0.yaml": maps["shop/m0.yaml"]}, message="Remove most of it")

    world = start(kubeconfig)

    assert "8 objects would go, 4 of them once their kind can be listed (Secret)" in world.await_reason(
        "shop", "HeldForApproval"
    )
    assert world.data("m1") is not None
    proxy.rule = None
    world.until(lambda: GroupKind("", "Secret") not in world.components.stores.live.cannot_see, "Secrets are listed")
    world.request("shop")
    world.until(lambda: "Secret:" in world.says("shop"), "the Secrets are named")
    assert world.ready("shop")[1] == "HeldForApproval"


def test_an_application_is_not_gone_before_the_objects_of_a_kind_that_is_refused_since_the_start(
    start: Callable[..., ClusterEnv], proxy: Proxy, kubeconfig: Path
) -> None:
    first = start()
    commit = first.commit({"shop/one.yaml": config_map("one"), "shop/two.yaml": secret("two")})
    first.create("shop")
    first.await_synced("shop", commit)
    first.stop()
    proxy.rule = no_secrets
    world = start(kubeconfig)

    world.delete("shop")

    world.until(lambda: "1 objects of kinds that cannot be listed (Secret)" in world.says("shop"), "the wait is reported")
    proxy.rule = None
    world.until(lambda: not world.application("shop"), "the Application is gone")
    assert world.live("two", "Secret") is None


def test_an_object_that_was_written_during_a_list_is_repaired_and_pruned(
    start: Callable[..., ClusterEnv], proxy: Proxy, kubeconfig: Path
) -> None:
    world = start(kubeconfig)
    first = world.commit({"shop/one.yaml": config_map("one")})
    world.create("shop")
    world.await_synced("shop", first)
    informer = world.components.stores.informer._informers[GroupKind("", "ConfigMap")]
    watch = informer.watch
    assert watch is not None
    second = ""

    def commit() -> None:
        nonlocal second
        second = world.commit({"shop/one.yaml": config_map("one"), "shop/two.yaml": config_map("two")})
        world.until(lambda: world.data("two") is not None, "the second object is applied")

    # The watch has to list again, and its list is taken before the second object is created.
    expired, slow = Fault(status=410, reason="Expired"), Fault(after=commit)
    script = [expired, slow]
    proxy.rule = lambda call: (
        script.pop(0) if script and call.path == "/api/v1/configmaps" and call.watch == (script[0] is expired) else None
    )
    streams = watch.streams
    world.until(proxy.end_watches, "its stream breaks")
    world.until(lambda: not script and watch.streams >= streams + 2, "it lists and watches again")
    world.await_synced("shop", second)

    world.edit("two", {"data": {"key": "by hand"}})
    world.until(lambda: world.data("two") == {"key": "value"}, "the edit is undone")
    third = world.commit({"shop/one.yaml": config_map("one")})
    world.await_synced("shop", third)

    assert world.data("two") is None
