from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import REQUESTED
from gitops_agent.manifest.yaml import dump_all
from tests.cli.cluster_env import ClusterEnv, configmap, healthy, troubled
from tests.cli.conftest import Run
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


def asked(stage: ClusterEnv) -> str:
    return str((stage.get("shop")["metadata"].get("annotations") or {}).get(REQUESTED) or "")


def answering(stage: ClusterEnv, status: Object) -> Callable[[], None]:
    """What the agent does: it writes the status that answers a request."""

    def answer() -> None:
        request = eventually(lambda: asked(stage))
        stage.status("shop", {**status, "sync": status["sync"] | {"answered": request}})

    thread = threading.Thread(target=answer)
    thread.start()
    return thread.join


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (healthy(), 0, "Synced, Healthy: c0ffee0000c0 is applied: 3 objects"),
        (troubled("False", "Degraded", "web crashes"), 3, "OutOfSync, Healthy: web crashes"),
        (troubled("False", "HeldForApproval", "8 objects would go"), 4, "OutOfSync, Healthy: 8 objects would go"),
    ],
)
def test_the_answer_of_the_agent_is_the_exit_code(stage: ClusterEnv, run: Run, status: Object, code: int, words: str) -> None:
    stage.application("shop", healthy())
    join = answering(stage, status)

    result = run("sync", "shop", "--timeout", "30s")

    join()
    assert (result.code, result.stdout) == (code, f"application/shop {words}\n")


def test_without_waiting_it_only_asks(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("sync", "shop", "--no-wait")

    assert (result.code, result.stdout) == (0, "application/shop: sync requested\n")
    assert asked(stage)


def test_no_answer_is_exit_code_three(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("sync", "shop", "--timeout", "1s")

    assert (result.code, result.stdout) == (3, "")
    lease = f"no agent runs: there is no Lease {stage.namespace}/gitops-agent"
    assert result.stderr == f"no result within 1s ({lease}): see `gitops-agent status shop`\n"


def test_a_paused_application_is_not_waited_for(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy(), suspend={"until": "2126-01-01T00:00:00Z", "reason": "a migration"})

    result = run("sync", "shop")

    assert (result.code, result.stdout, asked(stage)) == (3, "", "")
    assert result.stderr == (
        "application/shop is paused until 2126-01-01T00:00:00Z (a migration): resume it first with `gitops-agent resume shop`\n"
    )


def test_a_dry_run_shows_the_plan_and_requests_nothing(stage: ClusterEnv, run: Run) -> None:
    url = stage.repository({"apps/shop/settings.yaml": dump_all([configmap("settings")])})
    stage.application("shop", source={"repoURL": url, "ref": {"branch": "main"}, "path": "apps/shop"})

    result = run("sync", "shop", "--dry-run")

    assert (result.code, result.stdout) == (3, f"+ ConfigMap:{stage.namespace}/settings\n")
    assert not asked(stage)


def test_a_timeout_that_is_none_is_one_line_and_exit_code_two(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("sync", "shop", "--timeout", "soon")

    assert (result.code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith("error: --timeout soon: ")
