from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gitops_agent.errors import NotFound
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import FINALIZER, PRUNE
from tests.cli.cluster_env import PLAN, ClusterEnv, condition, configmap, healthy
from tests.cli.conftest import Run
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

_MERGE = "application/merge-patch+json"


def exists(stage: ClusterEnv, path: str) -> bool:
    try:
        stage.plane.request("GET", path)
    except NotFound:
        return False
    return True


def finalizers(stage: ClusterEnv, *names: str) -> None:
    patch = {"metadata": {"finalizers": list(names)}}
    stage.plane.request("PATCH", stage.path("applications", "shop"), patch, content_type=_MERGE)


@contextmanager
def once_deleted(stage: ClusterEnv, act: Callable[[], object]) -> Iterator[None]:
    """Does what an agent would do, once the Application is being deleted."""

    def wait() -> None:
        eventually(lambda: stage.get("shop")["metadata"].get("deletionTimestamp"))
        act()

    agent = threading.Thread(target=wait)
    agent.start()
    try:
        yield
    finally:
        agent.join(timeout=90)


@pytest.fixture
def shop(stage: ClusterEnv) -> ClusterEnv:
    stage.application("shop", healthy())
    stage.owned("shop", configmap("web", colour="blue"))
    kept = configmap("kept")
    kept["metadata"]["annotations"] = {PRUNE: "disabled"}
    stage.owned("shop", kept)
    return stage


def test_what_goes_and_what_stays_is_shown_before(shop: ClusterEnv, run: Run) -> None:
    result = run("delete", "shop", "--dry-run")

    assert result.code == 0
    assert result.lines[0] == f"- ConfigMap:{shop.namespace}/web"
    assert result.lines[1].startswith(f"= ConfigMap:{shop.namespace}/kept is kept: ")
    assert "1 object would be deleted" in result.stderr
    assert exists(shop, shop.path("applications", "shop"))
    assert run("delete", "shop", "--orphan", "--dry-run").lines == ["= kept: 2 ConfigMap"]


def test_a_deletion_over_budget_is_announced(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy(), sync={"deletionGuard": {"maxObjects": 0, "maxPercent": 0}})
    stage.owned("shop", configmap("web"))

    assert "it would be held until it is approved: " in run("delete", "shop", "--dry-run").stderr


def test_in_a_pipe_it_needs_yes(shop: ClusterEnv, run: Run) -> None:
    result = run("delete", "shop")

    assert result.code == 2
    assert "add --yes" in result.stderr
    assert exists(shop, shop.path("applications", "shop"))


def test_orphaning_needs_no_agent_and_keeps_the_objects(shop: ClusterEnv, run: Run) -> None:
    finalizers(shop, FINALIZER)

    result = run("delete", "shop", "--orphan", "--yes")

    assert (result.code, result.lines[-1]) == (0, "application/shop deleted")
    assert not exists(shop, shop.path("applications", "shop"))
    assert exists(shop, f"/api/v1/namespaces/{shop.namespace}/configmaps/web")


def test_a_policy_of_the_application_counts_where_no_option_is_given(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy(), deletionPolicy="orphan")
    stage.owned("shop", configmap("web"))

    assert run("delete", "shop", "--yes").lines == ["= kept: 1 ConfigMap", "application/shop deleted"]


def test_pruning_is_the_agents_and_is_awaited(shop: ClusterEnv, run: Run) -> None:
    def act() -> None:
        metadata = shop.get("shop")["metadata"]
        assert metadata["finalizers"] == [FINALIZER]
        finalizers(shop)

    with once_deleted(shop, act):
        result = run("delete", "shop", "--prune", "--yes", "--timeout", "90s")

    assert (result.code, result.lines[-1]) == (0, "application/shop deleted")


def test_without_an_agent_it_ends_with_its_timeout(shop: ClusterEnv, run: Run) -> None:
    result = run("delete", "shop", "--yes", "--timeout", "1s")

    assert result.code == 3
    assert "not gone within 1s (no agent runs: " in result.stderr
    finalizers(shop)


def test_a_held_deletion_says_how_it_is_approved(shop: ClusterEnv, run: Run) -> None:
    def act() -> None:
        generation = shop.get("shop")["metadata"]["generation"]
        status: Object = healthy() | {
            "observedGeneration": generation,
            "conditions": [condition("Ready", "False", "HeldForApproval", "it would delete 1 of 1 objects")],
        }
        shop.status("shop", status)

    with once_deleted(shop, act):
        result = run("delete", "shop", "--yes", "--timeout", "90s")

    assert result.code == 4
    assert f"held for approval: gitops-agent approve shop {PLAN[:12]}" in result.stderr
    finalizers(shop)
