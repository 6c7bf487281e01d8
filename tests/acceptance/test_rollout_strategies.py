"""What each strategy promises, one corner at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any, Self

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.command import CommandKind
from tests.acceptance.gateway import API as GATEWAY
from tests.acceptance.gateway import ROUTED, Controller, route, served, weights
from tests.acceptance.metric_server import MetricServer
from tests.acceptance.objects import deployment, files, service
from tests.acceptance.rollout import BAD, WEB, Rollout, blue_green, canary, image, policy
from tests.acceptance.tenant import Tenant

pytestmark = [pytest.mark.cluster, pytest.mark.e2e]

SIDE = "gitops-agent.dev/variant"


@pytest.fixture
def gateway(team: Tenant) -> Iterator[Controller]:
    with Controller(team.plane, team.namespace) as controller:
        yield controller


@pytest.fixture
def meter() -> Iterator[MetricServer]:
    metric_server = MetricServer()
    yield metric_server
    metric_server.stop()


class Most:
    """The maximum of pods at once, before the workload itself rolls.

    That adds the surge of its own strategy.
    """

    def __init__(self, rollout: Rollout) -> None:
        self.rollout, self.pods, self.image = rollout, 0, rollout.image()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _look(self) -> None:
        while not self._stop.wait(0.1):
            alive = [pod for pod in self.rollout.pods() if "deletionTimestamp" not in pod["metadata"]]
            # Asked after the pods: while it still runs the old version, none of them is of its own surge.
            if self.rollout.image() != self.image:
                return
            self.pods = max(self.pods, len(alive))


def workload(kind: str, number: int, **changes: Any) -> Object:
    made = deployment(WEB, image=image(number), replicas=2, **changes)
    if kind == "Recreate":
        made["spec"]["strategy"] = {"type": "Recreate"}
        return made
    made["kind"] = kind
    if kind == "StatefulSet":
        made["spec"]["serviceName"] = WEB
    else:
        del made["spec"]["replicas"]
    return made


@pytest.mark.parametrize("kind", ["Recreate", "StatefulSet", "DaemonSet"])
def test_whatever_rolls_by_itself_is_watched_and_taken_back(team: Tenant, kind: str) -> None:
    real = "Deployment" if kind == "Recreate" else kind

    def about(deadline: str) -> Object:
        return policy({"rolling": {}}, targetRef={"kind": real, "name": WEB}, service=None, progressDeadline=deadline)

    rollout = Rollout(team, {"rolling": {}})
    commit = team.commit(files(workload(kind, 1), service(WEB), about("2m")))
    team.declare()
    team.settled(commit)
    rollout.at("Idle")

    commit = team.commit(files(workload(kind, 2)))
    team.settled(commit)
    assert rollout.status()["history"][0]["result"] == "Promoted"

    team.commit(files(workload(kind, 3, annotations=BAD), about("5s")))
    rollout.at("Held", seconds=90.0)
    live = team.get(real, WEB, api="apps/v1") or {}
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == image(2)
    assert "gitops-agent.dev/variant" not in live["spec"]["template"]["metadata"]["labels"]


def test_a_rolling_update_is_judged_by_its_metrics_while_it_rolls(team: Tenant, meter: MetricServer) -> None:
    rollout = Rollout(team, {"rolling": {}}, service=None, analysis={"metrics": [meter.metric(samples=3)]})
    commit = team.commit(rollout.manifests(1))
    team.declare()
    team.settled(commit)
    rollout.at("Idle")
    meter.value = 0.5

    rollout.push(2)

    status = rollout.at("Held")
    assert "errors failed" in status["message"]
    assert rollout.image() == image(1)


def test_a_route_carries_matches_then_a_mirror_then_a_weight(team: Tenant, gateway: Controller) -> None:
    steps = (
        {"match": {"cookie": {"name": "user", "value": "david"}}, "approval": True},
        {"mirror": {"percent": 20}, "setCanaryScale": {"replicas": 2}, "approval": True},
        {"weight": 25, "approval": True},
    )
    rollout = Rollout(team, canary(*steps), route(), traffic=ROUTED)
    rollout.begin()
    commit = rollout.push(2)

    def live() -> list[Object]:
        rules: list[Object] = (team.get("HTTPRoute", WEB, api=GATEWAY) or {})["spec"]["rules"]
        return rules

    rollout.at("Step", "Hold", step=0)
    front, back = live()
    assert front["matches"][0]["headers"][0]["name"] == "Cookie"
    assert [backend["name"] for backend in front["backendRefs"]] == ["web-canary"]
    assert [backend["name"] for backend in back["backendRefs"]] == [WEB]
    rollout.command(CommandKind.APPROVE)

    rollout.at("Step", "Hold", step=1)
    (rule,) = live()
    assert rule["filters"][0]["requestMirror"]["backendRef"]["name"] == "web-canary"
    assert rule["filters"][0]["requestMirror"]["percent"] == 20
    assert (rollout.second() or {})["spec"]["replicas"] == 2
    rollout.command(CommandKind.APPROVE)

    rollout.at("Step", "Hold", step=2)
    (rule,) = live()
    assert "filters" not in rule
    assert weights(team.get("HTTPRoute", WEB, api=GATEWAY)) == {WEB: 75, "web-canary": 25}
    rollout.command(CommandKind.APPROVE)

    team.settled(commit)
    assert live() == served(route())


def test_a_routed_canary_never_has_more_pods_than_the_surge_allows(team: Tenant, gateway: Controller) -> None:
    rollout = Rollout(team, canary({"weight": 50, "pause": "1s"}, surgePercent=25), route(), traffic=ROUTED)
    rollout.begin()

    with Most(rollout) as most:
        commit = rollout.push(2)
        rollout.at("Step", "Hold")
        assert weights(team.get("HTTPRoute", WEB, api=GATEWAY)) == {WEB: 75, "web-canary": 25}
        rollout.at("Promote", "CutHold")
        assert weights(team.get("HTTPRoute", WEB, api=GATEWAY)) == {WEB: 75, "web-canary": 25}
        rollout.at("Promote", "Roll")

    assert most.pods == 5
    team.settled(commit)


def test_blue_green_switches_back_at_once_while_the_old_version_is_at_full_size(team: Tenant) -> None:
    rollout = Rollout(team, blue_green(autoPromote=False, previewReplicas=1, scaleDownDelay="1h"))
    rollout.begin()
    commit = rollout.push(2)

    rollout.at("Step", "Hold")
    assert (rollout.second() or {})["spec"]["replicas"] == 1
    preview = rollout.selector("web-canary") or {}
    assert preview[SIDE] == "canary"
    assert (rollout.selector() or {})[SIDE] == "primary"
    rollout.command(CommandKind.APPROVE)

    rollout.at("Promote", "CutHold")
    assert (rollout.second() or {})["spec"]["replicas"] == 4
    assert (rollout.selector() or {})[SIDE] == "canary"
    assert rollout.workload()["status"]["availableReplicas"] == 4
    assert rollout.image() == image(1)
    team.settled(commit)
    status = rollout.status()
    assert (status["history"][0]["result"], status["stable"]["revision"]) == ("Promoted", commit)
    rollout.command(CommandKind.ABORT)

    team.until(lambda: (rollout.selector() or {})[SIDE] == "primary", "the traffic is back")
    assert rollout.workload()["status"]["availableReplicas"] == 4
    rollout.at("Held")
    assert rollout.second() is None


def test_workloads_of_one_commit_are_cut_together(team: Tenant) -> None:
    def both(number: int) -> dict[str, str]:
        other = policy(canary({"weight": 50, "approval": True}), targetRef={"name": "api"}, service="api")
        other["metadata"]["name"] = "api"
        mine = policy(canary({"weight": 50}))
        pair = (deployment(WEB, image=image(number), replicas=2), deployment("api", image=image(number), replicas=2))
        return files(*pair, service(WEB), service("api"), mine, other)

    rollout, api = Rollout(team, canary()), Rollout(team, canary(), name="api")
    commit = team.commit(both(1))
    team.declare()
    team.settled(commit)
    for target in (rollout, api):
        target.until(lambda status: status["state"].get("adoption") == "Done", "the workload is made ready")
    commit = team.commit(both(2))

    api.at("Step", "Hold")
    rollout.at("Promote", "CutScale")
    team.looked()
    assert rollout.at("Promote", "CutScale")["weight"] == 50
    api.command(CommandKind.APPROVE)

    team.settled(commit)
    assert rollout.image() == api.image() == image(2)
