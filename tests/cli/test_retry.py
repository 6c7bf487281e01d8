from __future__ import annotations

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import RETRY
from tests.cli.cluster_env import COMMIT, ClusterEnv, healthy, troubled
from tests.cli.conftest import Run

pytestmark = pytest.mark.cluster

HELD: Object = {"rollback": {"held": True, "rejected": [{"revision": COMMIT, "reason": "it broke"}]}}


def test_a_rejected_commit_is_tried_again(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", troubled("False", "RolledBack", "it broke") | HELD)

    result = run("retry", "shop", "--no-wait")

    assert (result.code, result.stdout) == (0, f"application/shop: {COMMIT[:12]} is tried again\n")
    assert stage.get("shop")["metadata"]["annotations"][RETRY]


def test_a_retry_without_an_agent_ends_with_its_timeout(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", troubled("False", "RolledBack", "it broke") | HELD)

    result = run("retry", "shop", "--timeout", "1s")

    assert result.code == 3
    assert "no result within 1s (no agent runs: " in result.stderr


def test_without_a_rejected_commit_there_is_nothing_to_retry(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("retry", "shop")

    assert result.code == 2
    assert result.stderr.startswith("error: no commit of shop is rejected")
    assert RETRY not in (stage.get("shop")["metadata"].get("annotations") or {})


def test_a_group_is_asked_with_the_member_that_rejected_the_commit(stage: ClusterEnv, run: Run) -> None:
    group: Object = {"sync": {"rollback": {"onDegraded": True, "group": "release"}}}
    follower: Object = {"rollback": {"held": True, "rejected": [{"revision": COMMIT, "reason": "it broke", "together": "web"}]}}
    stage.application("web", troubled("False", "RolledBack", "it broke") | HELD, **group)
    stage.application("other", troubled("False", "RolledBack", "it broke") | HELD)
    for name in ("db", "queue"):
        stage.application(name, troubled("False", "RolledBack", "it broke") | follower, **group)

    assert run("retry", "db", "--no-wait").code == 0

    names = ("web", "other", "db", "queue")
    asked = {name for name in names if RETRY in (stage.get(name)["metadata"].get("annotations") or {})}
    assert asked == {"db", "web"}


def test_a_failed_hook_runs_again_with_a_sync(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", troubled("False", "HookFailed", "Job migrate: exit 1"))

    assert "`gitops-agent sync shop` runs the hook again that failed" in run("retry", "shop").stderr
