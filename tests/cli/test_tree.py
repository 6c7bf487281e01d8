from __future__ import annotations

import json

import pytest

from gitops_agent.errors import ClusterError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import ROLLOUT, marked
from tests.acceptance.objects import crd, widget
from tests.cli.cluster_env import ClusterEnv, configmap, healthy
from tests.cli.conftest import Run
from tests.cli.policies import holding, stored
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

LABELS = {"app": "queue"}


def statefulset(image: str = "registry.example.com/queue:1") -> Object:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "queue", "image": image}]}}
    spec = {"replicas": 1, "serviceName": "queue", "selector": {"matchLabels": LABELS}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "queue"}, "spec": spec}


def ready(stage: ClusterEnv, kind: str, name: str) -> bool:
    answer = stage.plane.request("GET", f"/apis/apps/v1/namespaces/{stage.namespace}/{kind}/{name}")
    return bool((answer.get("status") or {}).get("readyReplicas"))


def test_the_objects_and_what_they_own_are_drawn(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())
    stage.owned("shop", configmap("settings", tone="warm"))
    stage.owned("shop", statefulset())
    eventually(lambda: ready(stage, "statefulsets", "queue"))

    result = run("tree", "shop")

    assert result.code == 0
    assert result.stdout == (
        "Application shop  Synced, Healthy: c0ffee0000c0 is applied: 3 objects\n"
        f"├── ConfigMap:{stage.namespace}/settings  Healthy\n"
        f"└── apps/StatefulSet:{stage.namespace}/queue  Healthy\n"
        f"    └── Pod:{stage.namespace}/queue-0  Healthy\n"
    )
    assert run("tree", "shop", "-o", "name").lines == [
        f"ConfigMap:{stage.namespace}/settings",
        f"apps/StatefulSet:{stage.namespace}/queue",
    ]
    document = json.loads(run("tree", "shop", "-o", "json").stdout)
    assert [x["health"] for x in document["objects"]] == ["Healthy", "Healthy"]
    assert document["objects"][1]["children"][0]["object"] == f"Pod:{stage.namespace}/queue-0"
    assert document["cannotSee"] == {}


def test_a_pod_that_crashes_says_why(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())
    broken = statefulset()
    broken["spec"]["template"]["metadata"]["annotations"] = {"sandbox.gitops-agent.dev/pod": "crash"}
    stage.owned("shop", broken)

    def crashes() -> bool:
        return any("queue-0  Degraded  " in line for line in run("tree", "shop").lines)

    eventually(crashes, every=0.5)


def test_replica_sets_of_the_past_are_not_drawn_but_documented(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())
    deployment = statefulset() | {"kind": "Deployment"}
    del deployment["spec"]["serviceName"]
    stage.owned("shop", deployment)
    eventually(lambda: ready(stage, "deployments", "queue"))
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/queue:2"
    stage.owned("shop", deployment)

    def documented() -> list[bool]:
        (root,) = json.loads(run("tree", "shop", "-o", "json").stdout)["objects"]
        past = sorted(child["past"] for child in root["children"])
        return past if past == [False, True] else []

    eventually(documented, every=0.5)
    assert sum("ReplicaSet" in line for line in run("tree", "shop").lines) == 1


def test_a_copied_label_does_not_make_an_object_a_belonging(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())
    mine = stage.owned("shop", configmap("settings"))
    copy = {**configmap("copy"), "metadata": {"name": "copy", "labels": mine["metadata"]["labels"]}}
    copy["metadata"]["annotations"] = mine["metadata"]["annotations"]
    stage.plane.request("POST", f"/api/v1/namespaces/{stage.namespace}/configmaps", copy)

    assert run("tree", "shop", "-o", "name").lines == [f"ConfigMap:{stage.namespace}/settings"]


def test_what_a_rollout_made_stands_under_its_policy_which_says_where_it_stands(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())
    stage.owned("shop", {**configmap("web-canary"), "metadata": {"name": "web-canary", "annotations": {ROLLOUT: "web"}}})
    stage.owned("shop", configmap("settings"))
    stored(stage, holding(1), application=stage.namespace)

    assert run("tree", "shop").lines[1:] == [
        f"├── ConfigMap:{stage.namespace}/settings  Healthy",
        (
            f"└── gitops-agent.dev/RolloutPolicy:{stage.namespace}/web  Healthy  "
            "22222222 step 2 of 3, 50 % of the traffic: waits for approval"
        ),
        f"    └── ConfigMap:{stage.namespace}/web-canary  Healthy",
    ]


def test_what_a_cluster_scoped_object_owns_stands_below_it_down_to_the_pods(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())
    group = f"{stage.namespace}.example.com"
    definition = crd(group, "Installation")
    definition["spec"]["scope"] = "Cluster"
    stage.plane.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    path = f"/apis/{group}/v1/installations"

    def created() -> Object | None:
        key = AppKey(stage.namespace, "shop")
        body = marked(widget(group, "network", kind="Installation"), application=key, digest="", revision="")
        try:
            answer: Object = stage.plane.request("POST", path, body)
        except ClusterError:
            return None
        return answer

    installation = eventually(created, what="the kind is served")
    assert installation is not None
    owner = {key: installation[key] for key in ("apiVersion", "kind")} | {"name": "network", "controller": True}
    owner["uid"] = installation["metadata"]["uid"]
    made = statefulset() | {"kind": "Deployment"}
    made["metadata"]["ownerReferences"] = [owner]
    del made["spec"]["serviceName"]
    stage.plane.request("POST", f"/apis/apps/v1/namespaces/{stage.namespace}/deployments", made)
    eventually(lambda: ready(stage, "deployments", "queue"))

    lines = run("tree", "shop").lines

    assert lines[1] == f"└── {group}/Installation:network  Healthy"
    assert lines[2] == f"    └── apps/Deployment:{stage.namespace}/queue  Healthy"
    assert lines[3].startswith(f"        └── apps/ReplicaSet:{stage.namespace}/queue-")
    assert lines[4].startswith(f"            └── Pod:{stage.namespace}/queue-")
