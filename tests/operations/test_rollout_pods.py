from __future__ import annotations

from typing import Any

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.operations.rollout_pods import document, selecting, sides
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.progress import RolloutProgress
from gitops_agent.rollout.state import Phase, RolloutState, Stage
from tests.cli.policies import NEW, OLD, at, holding, policy, spec

WEB = ObjectKey("apps", "Deployment", "shop", "web")
CANARY = ObjectKey("apps", "Deployment", "shop", "web-c-22222222")
BASELINE = ObjectKey("apps", "Deployment", "shop", "web-b-11111111")


def deployment(key: ObjectKey, *, version: str, wanted: int, available: int, image: str = "web:1") -> Object:
    annotations = {canary_objects.ROLLOUT_HASH: version, canary_objects.COMMIT: "c" * 40}
    template = {"spec": {"containers": [{"name": "main", "image": image}]}}
    return {
        "kind": "Deployment",
        "metadata": {"name": key.name, "namespace": key.namespace, "annotations": annotations},
        "spec": {"replicas": wanted, "template": template, "selector": {"matchLabels": {"app": "web", "tier": "front"}}},
        "status": {"availableReplicas": available},
    }


def pod(name: str, *, ready: bool = True, ending: bool = False, image: str = "web:1", **labels: str) -> Object:
    metadata: Object = {
        "name": name,
        "namespace": "shop",
        "labels": {f"gitops-agent.dev/{key.replace('_', '-')}": value for key, value in labels.items()},
    }
    if ending:
        metadata["deletionTimestamp"] = "2026-05-04T12:00:00Z"
    condition = {"type": "Ready", "status": "True" if ready else "False"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{"name": "main", "image": image}]},
        "status": {"phase": "Running", "conditions": [condition]},
    }


def shown(state: RolloutState, workloads: dict[ObjectKey, Object], *pods: Object, **more: Any) -> list[Object]:
    return document(sides(RolloutProgress.of(policy(state, **more)), workloads, pods))


def test_pods_stand_on_the_side_their_labels_say() -> None:
    live = {
        WEB: deployment(WEB, version="11111111", wanted=2, available=1),
        CANARY: deployment(CANARY, version="22222222", wanted=1, available=1, image="web:2"),
        BASELINE: deployment(BASELINE, version="11111111", wanted=1, available=1),
    }
    stable, canary, baseline = shown(
        holding(0, baseline=1),
        live,
        pod("web-2", ready=False, variant="primary"),
        pod("web-1", variant="primary"),
        pod("web-b-1", variant="primary", rollout_hash="11111111"),
        pod("web-c-1", variant="canary", rollout_hash="22222222", image="web:2"),
    )

    assert (stable["role"], stable["wanted"], stable["available"], stable["version"]) == ("stable", 2, 1, OLD.hash)
    assert [(entry["name"], entry["health"]) for entry in stable["pods"]] == [("web-1", "Healthy"), ("web-2", "Progressing")]
    assert (canary["role"], canary["version"], canary["images"]) == ("canary", NEW.hash, ["web:2"])
    assert [entry["name"] for entry in canary["pods"]] == ["web-c-1"]
    assert (baseline["role"], [entry["name"] for entry in baseline["pods"]]) == ("baseline", ["web-b-1"])


def test_at_rest_there_is_one_side() -> None:
    shown_sides = shown(at(Phase.IDLE), {WEB: deployment(WEB, version="11111111", wanted=1, available=1)}, pod("web-1"))

    assert [side["role"] for side in shown_sides] == ["stable"]


def test_pods_of_a_canary_that_is_gone_are_shown_until_they_are_gone_too() -> None:
    live = {WEB: deployment(WEB, version="11111111", wanted=1, available=1)}
    leaving = at(Phase.ABORT, Stage.WORKLOAD)

    _, canary = shown(leaving, live, pod("web-c-1", ending=True, variant="canary"))

    assert [(entry["health"], entry["message"]) for entry in canary["pods"]] == [("Terminating", "is being ended")]
    assert len(shown(leaving, live)) == 1


def test_a_workload_that_has_taken_the_new_version_is_called_so() -> None:
    live = {WEB: deployment(WEB, version="22222222", wanted=1, available=1)}

    assert shown(at(Phase.PROMOTE, Stage.BACK), live)[0]["role"] == "new"


def test_the_canary_of_blue_green_is_a_preview() -> None:
    green = spec({"blueGreen": {}})
    live = {CANARY: deployment(CANARY, version="22222222", wanted=2, available=2)}

    shown_sides = shown(at(Phase.STEP, Stage.HOLD, wanted=green), live, spec=green)

    assert [(side["role"], side["available"]) for side in shown_sides] == [("stable", 0), ("preview", 2)]


def test_both_sides_are_found_by_what_the_workload_selects() -> None:
    assert selecting(deployment(WEB, version="", wanted=1, available=1)) == "app=web,tier=front"
    assert selecting(None) == ""
