from __future__ import annotations

import json

import pytest

from gitops_agent.errors import UsageError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import FOLLOWED, marked
from gitops_agent.manifest.yaml import dump_all
from gitops_agent.operations.rollback import previous
from tests.cli.cluster_env import COMMIT, OLDER, ClusterEnv, configmap, healthy
from tests.cli.conftest import Run
from tests.cli.test_complete import completed


def synced(*commits: str, result: str = "Synced") -> list[Object]:
    return [{"revision": commit, "result": result, "started": "2026-05-04T11:00:00Z"} for commit in commits]


def test_the_previous_commit_is_the_last_other_one_that_was_synced() -> None:
    broken = "d" * 40
    history = [*synced(COMMIT), *synced(broken, result="Invalid"), *synced(COMMIT, OLDER, "e" * 40)]

    assert previous({"metadata": {"name": "shop"}, "status": healthy() | {"history": history}}) == OLDER


def test_a_rejected_commit_is_not_returned_to() -> None:
    rejected = "d" * 40
    status = healthy() | {"history": synced(rejected, COMMIT, OLDER), "rollback": {"rejected": [{"revision": rejected}]}}

    assert previous({"metadata": {"name": "shop"}, "status": status}) == OLDER


def test_without_another_commit_a_rollback_has_no_aim() -> None:
    with pytest.raises(UsageError, match="knows no other commit that was synced"):
        previous({"metadata": {"name": "shop"}, "status": healthy() | {"history": synced(COMMIT)}})


@pytest.mark.cluster
def test_a_rollback_pins_and_its_undoing_follows_again(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy() | {"history": synced(COMMIT, OLDER)})

    result = run("rollback", "shop", "--no-wait")

    live = stage.get("shop")
    assert (result.code, result.stdout) == (0, f"application/shop is pinned to commit {OLDER[:12]}\n")
    assert "follow branch main again with `gitops-agent rollback shop --undo`" in result.stderr
    assert live["spec"]["source"]["ref"] == {"commit": OLDER}
    assert json.loads(live["metadata"]["annotations"][FOLLOWED]) == {"branch": "main"}
    assert "Pinned:      by a rollback" in run("status", "shop").stdout

    assert run("rollback", "shop", COMMIT[:8], "--no-wait").code == 0
    assert stage.get("shop")["spec"]["source"]["ref"] == {"commit": COMMIT}

    undone = run("rollback", "shop", "--undo", "--no-wait")

    live = stage.get("shop")
    assert undone.stdout == "application/shop follows branch main again\n"
    assert live["spec"]["source"]["ref"] == {"branch": "main"}
    assert FOLLOWED not in (live["metadata"].get("annotations") or {})


@pytest.mark.cluster
def test_the_result_is_awaited(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy() | {"history": synced(COMMIT, OLDER)})

    result = run("rollback", "shop", "--timeout", "1s")

    assert result.code == 3
    assert "no result within 1s (no agent runs: " in result.stderr


@pytest.mark.cluster
def test_what_is_not_pinned_cannot_be_undone(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("rollback", "shop", "--undo")

    assert (result.code, result.stderr) == (2, "error: shop is not pinned by a rollback: it follows branch main\n")


@pytest.mark.cluster
def test_an_application_that_another_one_declares_is_refused_unless_that_is_paused(stage: ClusterEnv, run: Run) -> None:
    stage.application("root", healthy())
    live = stage.application("shop", healthy() | {"history": synced(COMMIT, OLDER)})
    mark = marked(live, application=AppKey(stage.namespace, "root"), digest="", revision="")["metadata"]
    patch = {"metadata": {"labels": mark["labels"], "annotations": mark["annotations"]}}
    merge = "application/merge-patch+json"
    stage.plane.request("PATCH", stage.path("applications", "shop"), patch, content_type=merge)

    refused = run("rollback", "shop", "--no-wait")
    run("pause", "root", "--reason", "rollback of shop")

    assert refused.code == 2
    assert f"Application {stage.namespace}/root declares shop and would repair the change" in refused.stderr
    assert run("rollback", "shop", "--no-wait").code == 0


@pytest.mark.cluster
def test_a_dry_run_shows_the_plan_and_git_names_the_commit(stage: ClusterEnv, run: Run) -> None:
    url = stage.repository({"apps/shop/settings.yaml": dump_all([configmap("settings", tone="warm")])})
    first = stage.git("rev-parse", "HEAD")
    stage.write({"apps/shop/settings.yaml": dump_all([configmap("settings", tone="loud")])})
    stage.commit("Louder")
    stage.owned("shop", configmap("settings", tone="loud"))
    stage.application("shop", healthy(), source={"repoURL": url, "ref": {"branch": "main"}, "path": "apps/shop"})

    preview = run("rollback", "shop", "HEAD~1", "--dry-run")

    assert preview.code == 3
    assert "data.tone: 'loud' → 'warm'" in preview.stdout
    assert stage.get("shop")["spec"]["source"]["ref"] == {"branch": "main"}
    run("rollback", "shop", "HEAD~1", "--no-wait")
    assert stage.get("shop")["spec"]["source"]["ref"] == {"commit": first}


@pytest.mark.cluster
def test_completion_offers_the_commits_of_the_history(stage: ClusterEnv) -> None:
    stage.application("shop", healthy() | {"history": synced(COMMIT, OLDER)})
    environment = {"KUBECONFIG": str(stage.plane.kubeconfig), "GITOPS_AGENT_NAMESPACE": stage.namespace}

    assert completed("gitops-agent rollback shop b", **environment) == [OLDER[:12]]
