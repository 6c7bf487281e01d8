from __future__ import annotations

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import UsageError
from gitops_agent.operations.rollout_lookup import every, find, of_application, urgency
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.rollout.state import Phase, Stage
from tests.cli.cluster_env import ClusterEnv as Scene
from tests.cli.policies import at, holding, policy, stored


def test_the_worst_stand_first() -> None:
    world = {
        "stable": at(Phase.IDLE),
        "held": at(Phase.HELD),
        "approval": holding(1),
        "running": holding(0),
        "paused": at(Phase.PAUSED, resume=Stage.HOLD),
        "waiting": at(Phase.PENDING, reason="its turn"),
        "unseen": None,
    }
    standings = [RolloutProgress.of(policy(state, name=name)) for name, state in world.items()]

    assert [standing.key.name for standing in sorted(standings, key=urgency)] == [
        *("held", "paused", "approval", "unseen", "waiting", "running", "stable")
    ]


@pytest.fixture
def access(stage: Scene) -> ClusterClient:
    return ClusterClient.open(str(stage.plane.kubeconfig), None, "")


@pytest.mark.cluster
def test_a_name_is_looked_for_where_it_says(stage: Scene, access: ClusterClient) -> None:
    stored(stage, holding(1))

    for name, namespace in (
        (f"{stage.namespace}/web", ""),
        ("web", stage.namespace),
        (f"{stage.namespace}/web", stage.namespace),
    ):
        assert find(access, name, namespace).key.namespace == stage.namespace


@pytest.mark.cluster
def test_a_name_that_only_one_has_needs_no_namespace(stage: Scene, access: ClusterClient) -> None:
    name = f"web-{stage.namespace}"
    stored(stage, holding(1), name=name)

    assert find(access, name).key.name == name


@pytest.mark.cluster
def test_a_wrong_name_tells_which_there_are(stage: Scene, access: ClusterClient) -> None:
    stored(stage, at(Phase.IDLE))
    stored(stage, at(Phase.IDLE), name="api")
    where = stage.namespace

    with pytest.raises(UsageError, match=f"no RolloutPolicy wbe in namespace {where}; there is {where}/api, {where}/web$"):
        find(access, "wbe", where)
    with pytest.raises(UsageError, match="contradict each other"):
        find(access, "other/web", where)
    assert {rollout.key.name for rollout in every(access, where)} == {"api", "web"}


@pytest.mark.cluster
def test_an_application_leads_to_its_rollouts(stage: Scene, access: ClusterClient) -> None:
    stored(stage, holding(1))
    entries = [
        {"policy": "web", "workload": f"apps/Deployment:{stage.namespace}/web"},
        {"policy": "gone", "workload": f"apps/Deployment:{stage.namespace}/gone"},
    ]

    rollouts, problem = of_application(access, {"status": {"rollouts": entries}})

    assert [rollout.key.name for rollout in rollouts] == ["web"]
    assert "gone" in problem
