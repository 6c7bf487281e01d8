from __future__ import annotations

import json

import pytest

from gitops_agent.api.application_row import summary
from gitops_agent.cli.status import code
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all
from tests.cli.cluster_env import COMMIT, OLDER, PLAN, ClusterEnv, healthy, troubled
from tests.cli.conftest import Run
from tests.cli.policies import holding, stored

HELD = "8 objects would go, more than the budget of 5: ConfigMap:shop/a and 7 more"


def one(name: str, status: Object) -> Object:
    return {"metadata": {"name": name, "namespace": "gitops-system"}, "spec": {}, "status": status}


WORLD = [
    one("fine", healthy()),
    one("moving", troubled("Unknown", "Progressing", "1 of 2", health={"status": "Progressing"})),
    one("broken", troubled("False", "Degraded", "it crashes", health={"status": "Degraded"})),
    one("held", troubled("False", "HeldForApproval", HELD)),
    one("paused", troubled("Unknown", "Suspended", "paused until noon")),
    one("unseen", {}),
]


def test_an_application_without_a_reconcile_says_so() -> None:
    row = summary(one("new", {}))

    assert (row["sync"], row["health"], row["reason"]) == ("Unknown", "Unknown", "NotReconciled")
    assert "is the agent running" in row["message"]


def test_the_exit_code_is_the_worst_thing_a_script_has_to_know() -> None:
    fine, moving, broken, held, *_ = WORLD

    assert code([fine]) == 0
    assert code([]) == 0
    assert code([fine, moving]) == 3
    assert code([fine, broken]) == 3
    assert code([broken, held]) == 4


@pytest.mark.cluster
def test_the_overview_shows_what_is_on_its_way(stage: ClusterEnv, run: Run) -> None:
    stage.application("fine", healthy())
    stage.application("broken", troubled("False", "Invalid", "spec.replicas: must be a number"))

    result = run("status")

    assert result.code == 0
    assert result.stdout == (
        "APPLICATION  READY  SYNC       HEALTH   REVISION                     MESSAGE\n"
        "broken       False  OutOfSync  Healthy  badc0de000ba → c0ffee0000c0  spec.replicas: must be a number\n"
        "fine         True   Synced     Healthy  c0ffee0000c0                 c0ffee0000c0 is applied: 3 objects\n"
    )


@pytest.mark.cluster
def test_the_detail_of_a_healthy_application(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    assert run("status", "shop").stdout == (
        f"Application: {stage.namespace}/shop\n"
        "Source:      https://git.example.com/config.git, branch main, path apps/shop\n"
        "Seen:        c0ffee0000c0 Release 1.5.0 (Ada <ada@example.com>)\n"
        "Applied:     c0ffee0000c0\n"
        "Sync:        Synced\n"
        "Health:      Healthy\n"
        "Ready:       yes, Synced: c0ffee0000c0 is applied: 3 objects\n"
        "Objects:     3 total, 3 synced, 0 drifted, 0 unhealthy\n"
    )


@pytest.mark.cluster
def test_the_detail_of_a_held_application_says_how_to_approve_it(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", troubled("False", "HeldForApproval", HELD))

    result = run("status", "shop", "--exit-code")

    assert result.code == 4
    assert result.lines[-1] == f"Approve:     gitops-agent approve shop {PLAN[:12]}"
    assert f"Ready:       no, HeldForApproval: {HELD}" in result.lines


@pytest.mark.cluster
@pytest.mark.parametrize(("action", "words"), [("deny", "closed until no time in sight (deny 0 0 1 * *"), ("allow", "open")])
def test_the_detail_says_whether_windows_are_open(stage: ClusterEnv, run: Run, action: str, words: str) -> None:
    window = {"schedule": "0 0 1 * *", "duration": "8784h", "action": action}
    stage.application("shop", troubled("False", "WindowClosed", "waits for a window"), sync={"windows": [window]})

    result = run("status", "shop")

    assert f"Window:      {words}" in result.stdout
    assert f"Approve:     gitops-agent approve shop {PLAN[:12]}" in result.lines


@pytest.mark.cluster
def test_the_detail_of_a_broken_application_lists_its_problems(stage: ClusterEnv, run: Run) -> None:
    problem = {"object": "apps/Deployment:shop/web", "reason": "CrashLoop", "message": "exit code 1: no database"}
    resources = {"total": 3, "synced": 3, "drifted": 0, "unhealthy": 1, "problems": [problem]}
    away = {"revision": COMMIT, "unavailableSince": "2026-05-04T12:00:00Z", "message": "no route to host"}
    stage.application("shop", troubled("False", "Degraded", "web crashes", resources=resources, source=away))

    result = run("status", "shop", "--exit-code")

    assert result.code == 3
    assert "Unavailable: since 2026-05-04T12:00:00Z: no route to host" in result.lines
    assert result.lines[-3:] == [
        "",
        "OBJECT                    REASON     MESSAGE",
        "apps/Deployment:shop/web  CrashLoop  exit code 1: no database",
    ]


@pytest.mark.cluster
def test_the_detail_reports_what_is_left_out_and_every_warning(stage: ClusterEnv, run: Run) -> None:
    status = healthy()
    status["resources"]["leftOut"] = 1
    stage.application("shop", status | {"warnings": ["batch/Job:shop/migrate in hook.yaml: it is not run"]})

    result = run("status", "shop", "--exit-code")

    assert result.code == 0
    assert result.lines[-2:] == [
        "Objects:     3 total, 3 synced, 0 drifted, 0 unhealthy, 1 left out",
        "Warning:     batch/Job:shop/migrate in hook.yaml: it is not run",
    ]


def waiting(namespace: str, **more: str) -> Object:
    """The status of an application whose rollout waits for a person."""
    entry = {"policy": "web", "workload": f"apps/Deployment:{namespace}/web", "phase": "Step", "weight": 50} | more
    return troubled("Unknown", "RolloutPaused", "22222222 step 2 of 3: waits for approval", rollouts=[entry])


def test_a_rollout_that_waits_for_approval_is_held_like_a_plan() -> None:
    assert code([one("shop", waiting("shop", approval="22222222/1"))]) == 4
    assert code([one("shop", waiting("shop"))]) == 3


@pytest.mark.cluster
def test_the_detail_shows_the_rollouts_of_an_application_and_how_to_approve(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", waiting(stage.namespace, approval="22222222/1"))
    stored(stage, holding(1))
    where = stage.namespace

    result = run("status", "shop", "--exit-code")

    assert result.code == 4
    assert f"Approve:     gitops-agent rollout approve {where}/web" in result.lines
    assert result.lines[-1].startswith(f"{where}/web  canary    Step   2/3   50 %    11111111  22222222  ")


@pytest.mark.cluster
def test_a_rollout_whose_policy_is_gone_is_reported(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", waiting(stage.namespace))

    result = run("status", "shop")

    assert result.code == 0
    assert result.stderr.startswith("not every rollout can be read: ")


@pytest.mark.cluster
def test_scripts_get_the_row_and_the_whole_status(stage: ClusterEnv, run: Run) -> None:
    stage.application("fine", healthy())
    stage.application("held", troubled("False", "HeldForApproval", HELD))

    document = json.loads(run("status", "-o", "json").stdout)

    assert [(x["name"], x["reason"], x["applied"]) for x in document] == [
        ("held", "HeldForApproval", OLDER[:12]),
        ("fine", "Synced", COMMIT[:12]),
    ]
    assert document[1]["status"]["sync"]["revision"] == COMMIT
    assert json.loads(run("status", "fine", "-o", "json").stdout)["namespace"] == stage.namespace
    assert load_all(run("status", "-o", "yaml").stdout.encode(), file="stdout")[0][1]["name"] == "fine"
    assert run("status", "-o", "name").lines == [f"application.gitops-agent.dev/{name}" for name in ("held", "fine")]


@pytest.mark.cluster
def test_an_empty_namespace_is_said_on_standard_error(stage: ClusterEnv, run: Run) -> None:
    result = run("status", "--exit-code")

    assert (result.code, result.stdout) == (0, "")
    assert result.stderr == f"there are no Applications in namespace {stage.namespace}\n"
    assert run("status", "-o", "json").stdout == "[]\n"


@pytest.mark.cluster
def test_the_detail_lists_the_runs_of_hooks(stage: ClusterEnv, run: Run) -> None:
    runs = [
        {
            "object": "batch/Job:shop/migrate",
            "moment": "pre-sync",
            "id": "a",
            "state": "Failed",
            "started": "2026-11-29T12:00:00Z",
            "ended": "2026-11-29T12:01:30Z",
            "message": "exited with 3",
        }
    ]
    stage.application("shop", healthy() | {"hooks": {"phase": "failed", "runs": runs}})

    lines = run("status", "shop").lines

    assert lines[-2].split() == ["HOOK", "MOMENT", "STATE", "TOOK", "MESSAGE"]
    assert lines[-1].split() == ["batch/Job:shop/migrate", "pre-sync", "Failed", "1m30s", "exited", "with", "3"]
