from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gitops_agent.agent.reconcile.app_state import ApplicationState
from gitops_agent.agent.reconcile.finalizer import Finalizer
from gitops_agent.api.parse import parse
from gitops_agent.errors import Conflict
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import FINALIZER
from tests.agent.cluster_env import ClusterEnv, Made
from tests.agent.samples import config_map

pytestmark = pytest.mark.cluster


@pytest.fixture
def made(world: ClusterEnv) -> Made:
    """Creates the Application `shop` and waits for its objects."""

    def do(*names: str, extra: dict[str, str] | None = None, **spec: Any) -> ClusterEnv:
        files = {f"shop/{name}.yaml": config_map(name) for name in names or ("one", "two")}
        commit = world.commit(files | (extra or {}))
        world.create("shop", **spec)
        world.await_synced("shop", commit)
        return world

    return do


def finalizers(world: ClusterEnv) -> list[str]:
    names: list[str] = world.application("shop").get("metadata", {}).get("finalizers") or []
    return names


def gone(world: ClusterEnv) -> None:
    world.until(lambda: not world.application("shop"), "the Application is gone")


def test_an_application_that_prunes_cannot_go_before_its_objects(made: Made) -> None:
    world = made()
    assert finalizers(world) == [FINALIZER]

    world.delete("shop")

    gone(world)
    assert world.data("one") is None
    assert world.data("two") is None


def test_an_application_that_orphans_leaves_its_objects(made: Made) -> None:
    world = made(deletionPolicy="orphan")
    assert finalizers(world) == []

    world.delete("shop")

    gone(world)
    assert world.data("one") is not None


def test_the_finalizer_follows_the_policy(made: Made) -> None:
    world = made()
    world.patch("shop", {"spec": {"deletionPolicy": "orphan"}})
    world.until(lambda: finalizers(world) == [])

    world.patch("shop", {"spec": {"deletionPolicy": "prune"}})
    world.until(lambda: finalizers(world) == [FINALIZER])


def test_the_policy_may_still_be_changed_on_the_way_out(made: Made) -> None:
    world = made(*(f"item-{number}" for number in range(8)))
    world.delete("shop")
    world.await_reason("shop", "HeldForApproval")

    world.patch("shop", {"spec": {"deletionPolicy": "orphan"}})

    gone(world)
    assert world.data("item-0") is not None


def test_other_finalizers_are_left_alone(made: Made) -> None:
    world = made()
    world.patch("shop", {"metadata": {"finalizers": ["example.com/other", FINALIZER]}})
    world.delete("shop")
    world.until(lambda: finalizers(world) == ["example.com/other"], "ours is off")
    assert world.data("one") is None

    world.patch("shop", {"metadata": {"finalizers": None}})
    gone(world)


def test_a_large_departure_is_held_until_it_is_approved(made: Made) -> None:
    world = made(*(f"item-{number}" for number in range(8)))
    world.delete("shop")
    assert "8 objects would go" in world.await_reason("shop", "HeldForApproval")
    assert world.data("item-0") is not None

    world.annotate("shop", approved_plan=world.status("shop")["sync"]["plan"])

    gone(world)
    assert world.data("item-0") is None


def test_what_asks_to_be_kept_is_left_behind(made: Made) -> None:
    kept = config_map("kept", annotations={"gitops-agent.dev/prune": "disabled"})
    world = made("one", extra={"shop/kept.yaml": kept})
    world.delete("shop")

    gone(world)
    assert world.data("one") is None
    assert world.data("kept") is not None


def test_an_object_that_cannot_go_is_named(made: Made) -> None:
    world = made("one")
    world.edit("one", {"metadata": {"finalizers": ["example.com/hold"]}})
    world.delete("shop")
    world.until(lambda: "example.com/hold" in world.says("shop"), "the finalizer is named")
    assert finalizers(world) == [FINALIZER]

    world.edit("one", {"metadata": {"finalizers": None}})

    gone(world)


def test_a_repository_that_is_gone_does_not_block_the_finalizer(made: Made) -> None:
    world = made()
    directory = world.author.directory
    directory.rename(directory.with_suffix(".away"))
    world.request("shop")
    world.until(lambda: world.status("shop")["source"].get("unavailableSince"))

    world.delete("shop")

    gone(world)
    assert world.data("one") is None


def grant(world: ClusterEnv, *verbs: str) -> None:
    """Gives the account `deployer` these rights to ConfigMaps, and no others."""
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "deployer", "namespace": world.namespace}}
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": list(verbs)}]
    subjects = [{"kind": "ServiceAccount", "name": "deployer", "namespace": world.home}]
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "deployer"}
    world.objects.apply({**rbac, "kind": "Role", "rules": rules}, field_manager="kubectl")
    world.objects.apply({**rbac, "kind": "RoleBinding", "roleRef": reference, "subjects": subjects}, field_manager="kubectl")


def test_a_deletion_that_was_refused_is_tried_again(world: ClusterEnv) -> None:
    grant(world, "get", "create", "patch")
    commit = world.commit({"shop/one.yaml": config_map("one")})
    world.create("shop", serviceAccountName="deployer")
    world.await_synced("shop", commit)
    world.delete("shop")
    world.until(
        lambda: [issue["reason"] for issue in world.status("shop")["resources"]["problems"]] == ["Forbidden"], "a refusal"
    )

    grant(world, "get", "create", "patch", "delete")

    gone(world)
    assert world.data("one") is None


@pytest.fixture
def idle(start: Callable[[], ClusterEnv]) -> tuple[ClusterEnv, Finalizer]:
    """A stopped agent, and its finalizer of Applications."""
    world = start()
    world.stop()
    return world, world.components.reconciler._stages.finalizer


def written(world: ClusterEnv, field: Object) -> None:
    path = f"/apis/gitops-agent.dev/v1alpha1/namespaces/{world.home}/applications/shop/status"
    world.person.request("PATCH", path, body={"status": field}, content_type="application/merge-patch+json")


def test_a_status_that_was_written_meanwhile_does_not_keep_the_finalizer_off(idle: tuple[ClusterEnv, Finalizer]) -> None:
    world, finalizer = idle
    application = parse(world.create("shop"))
    written(world, {"observedGeneration": 1})

    finalizer.guard(application)

    assert finalizers(world) == [FINALIZER]


def test_a_status_that_was_written_meanwhile_does_not_keep_an_application_from_going(
    idle: tuple[ClusterEnv, Finalizer],
) -> None:
    world, finalizer = idle
    world.create("shop")
    world.patch("shop", {"metadata": {"finalizers": [FINALIZER, "example.com/other"]}})
    world.delete("shop")
    application = parse(world.application("shop"))
    written(world, {"observedGeneration": 1})
    world.components.stores.live.complete = True

    assert finalizer.depart(application, ApplicationState()) is None

    assert finalizers(world) == ["example.com/other"]


def test_finalizers_that_others_changed_meanwhile_are_read_again(idle: tuple[ClusterEnv, Finalizer]) -> None:
    world, finalizer = idle
    application = parse(world.create("shop"))
    world.patch("shop", {"metadata": {"finalizers": ["example.com/other"]}})

    with pytest.raises(Conflict):
        finalizer.guard(application)

    assert finalizers(world) == ["example.com/other"]


def test_another_application_of_the_same_name_gets_no_finalizer_of_the_first(idle: tuple[ClusterEnv, Finalizer]) -> None:
    world, finalizer = idle
    application = parse(world.create("shop"))
    world.forget("shop")
    world.create("shop")

    with pytest.raises(Conflict):
        finalizer.guard(application)

    assert finalizers(world) == []


def test_an_application_that_goes_with_the_namespace_of_the_agent_leaves_its_objects(made: Made) -> None:
    world = made()

    world.person.request("DELETE", f"/api/v1/namespaces/{world.home}")

    gone(world)
    assert world.data("one") is not None
    assert world.data("two") is not None


def test_an_application_that_goes_with_the_account_of_the_agent_leaves_its_objects(made: Made) -> None:
    world = made()
    metadata = {"name": "gitops-agent", "namespace": world.home, "finalizers": ["example.com/hold"]}
    account = world.objects.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})
    key = ObjectKey.of(account)
    world.objects.delete(key, uid=account["metadata"]["uid"])

    world.delete("shop")

    gone(world)
    world.objects.merge_patch(key, {"metadata": {"finalizers": None}})
    assert world.data("one") is not None
