from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.traffic.gateway import GatewayAPI
from gitops_agent.rollout.traffic.service import PlainService
from gitops_agent.rollout.validation import flaws, refusal
from tests.rollout.policies import blue_green, canary, rolling

WEB = ObjectKey("apps", "Deployment", "shop", "web")
ROUTE = GroupKind("gateway.networking.k8s.io", "HTTPRoute")


def named(api: str, kind: str, name: str = "web", **fields: Any) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **fields}


def workload(name: str = "web", *, replicas: int | None = 4, **labels: str) -> Object:
    template = {"metadata": {"labels": {"app": "web", **labels}}, "spec": {}}
    spec = {"template": template} if replicas is None else {"replicas": replicas, "template": template}
    return named("apps/v1", "Deployment", name, spec=spec)


SERVICE = named("v1", "Service", spec={"selector": {"app": "web"}})
HTTP = named(
    "gateway.networking.k8s.io/v1", "HTTPRoute", spec={"rules": [{"backendRefs": [{"name": "web", "port": 80, "weight": 1}]}]}
)


def refused(*objects: Object, policy: RolloutPolicySpec | None = None, autoscaled: bool = False, **more: Any) -> str:
    policy = policy or canary()
    plain = policy.traffic.provider == "service"
    about = ResolvedPolicy(
        policy=policy, workload=WEB, provider=PlainService() if plain else GatewayAPI(), autoscaled=autoscaled
    )
    return refusal(about, {manifest.key: manifest for manifest in map(Manifest.of, objects)}, **more)


def test_what_can_be_had_is_not_refused() -> None:
    assert refused(workload(), SERVICE, HTTP) == ""
    assert refused(workload(), SERVICE, policy=canary(plain=True)) == ""
    assert refused(workload(), policy=rolling()) == ""


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        ((SERVICE, HTTP), "apps/Deployment:shop/web is not declared"),
        ((workload(), HTTP), "Service:shop/web is not declared"),
        ((workload(), SERVICE), "HTTPRoute web is not declared"),
        ((workload(), named("v1", "Service", spec={"selector": {"app": "x"}}), HTTP), "does not select the pods"),
        ((workload(), named("v1", "Service", spec={}), HTTP), "does not select the pods"),
        ((workload(), workload("second"), SERVICE, HTTP), "selects the pods of apps/Deployment:shop/second too"),
        ((workload(), SERVICE, {**HTTP, "spec": {"rules": []}}), "sends traffic to the Service web"),
    ],
)
def test_what_cannot_be_had_is_named(objects: tuple[Object, ...], words: str) -> None:
    assert words in refused(*objects)


@pytest.mark.parametrize(
    ("spec", "words"), [({"paused": True}, "is paused in Git"), ({"updateStrategy": {"type": "OnDelete"}}, "OnDelete")]
)
def test_a_workload_that_never_rolls_is_refused(spec: Object, words: str) -> None:
    made = workload()

    assert words in refused({**made, "spec": {**made["spec"], **spec}}, policy=rolling())


def test_everything_that_is_wrong_is_said_at_once() -> None:
    assert refused(workload(), workload("second"), SERVICE).count(";") == 1


def test_a_route_whose_kind_the_cluster_does_not_know_is_refused() -> None:
    message = refused(workload(), SERVICE, HTTP, unknown=frozenset({ROUTE}))

    assert "does not know gateway.networking.k8s.io/HTTPRoute" in message
    assert refused(workload(), SERVICE, HTTP, unknown=frozenset({GroupKind("x", "Y")})) == ""


def test_behind_a_plain_service_the_numbers_of_pods_must_be_ours() -> None:
    assert "scaled by an autoscaler" in refused(workload(), SERVICE, policy=canary(plain=True), autoscaled=True)
    assert "needs spec.replicas" in refused(workload(replicas=None), SERVICE, policy=canary(plain=True))


def test_behind_a_plain_service_the_pods_of_both_versions_must_listen_where_it_sends_to() -> None:
    def to(port: int | str) -> Object:
        return {**SERVICE, "spec": {**SERVICE["spec"], "ports": [{"port": 80, "targetPort": port}]}}

    def said(old: int | str, new: int | str, policy: RolloutPolicySpec) -> str:
        stable = {manifest.key: manifest for manifest in map(Manifest.of, (workload(), to(old)))}
        return refused(workload(), to(new), HTTP, policy=policy, stable=stable)

    assert "sends port 80 to 9090 and no longer to 8080" in said(8080, 9090, canary(plain=True))
    assert "sends port 80 to 9090" in said(8080, 9090, blue_green(plain=True))
    assert said("http", "http", canary(plain=True)) == ""
    torn = {**SERVICE, "spec": {**SERVICE["spec"], "ports": ["80"]}}
    assert refused(workload(), torn, policy=canary(plain=True), stable={WEB: Manifest.of(workload())}) == ""
    assert said(8080, 9090, canary()) == "", "a route sends to each version by a Service of its own"


def test_what_a_policy_names_and_git_does_not_declare_is_known_at_rest_with_what_was_meant() -> None:
    def said(*objects: Object, policy: RolloutPolicySpec) -> str:
        provider = PlainService() if policy.traffic.provider == "service" else GatewayAPI()
        about = ResolvedPolicy(policy=policy, workload=WEB, provider=provider)
        return flaws(about, {manifest.key: manifest for manifest in map(Manifest.of, objects)})

    assert said(workload(), SERVICE, HTTP, policy=canary()) == ""
    assert said(workload(), policy=rolling()) == ""
    assert "Service:shop/weeb is not declared by this application; did you mean Service web?" in said(
        workload(), SERVICE, policy=canary(plain=True, service="weeb")
    )
    other = {**HTTP, "metadata": {"name": "webb", "namespace": "shop"}}
    assert said(workload(), SERVICE, other, policy=canary()) == (
        "HTTPRoute web is not declared by this application; did you mean HTTPRoute webb?"
    )


def measured(**fields: Any) -> RolloutPolicySpec:
    provider = {"prometheus": {"address": "http://prometheus:9090", "query": "up"}}
    metric = {"name": "errors", "provider": provider, "success": "result < 1", **fields}
    return rolling(analysis={"metrics": [metric]})


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ({"success": "result <"}, "metric errors, success: the condition 'result <': a value is expected"),
        ({"failure": "average(result) > 1"}, "unknown function `average`, there are len"),
        ({"success": "result < 1 | true"}, "metric errors, success: the condition"),
        (
            {"provider": {"prometheus": {"address": "http://x", "query": 'up{pod="{{pod}}"}'}}},
            "metric errors, provider: the query asks for 'pod'",
        ),
        ({"provider": {"http": {"address": "http://x/{{pod}}"}}}, "the query asks for 'pod'"),
        ({"provider": {"job": {"name": "smok"}}}, "Job smok is not declared by this application; did you mean Job smoke?"),
    ],
)
def test_a_metric_that_could_never_be_measured_is_refused_before_the_start(metric: Object, words: str) -> None:
    smoke = named("batch/v1", "Job", "smoke", spec={"suspend": True})

    assert words in refused(workload(), smoke, policy=measured(**metric))


def test_a_metric_that_can_be_measured_is_not_refused() -> None:
    smoke = named("batch/v1", "Job", "smoke", spec={"suspend": True})

    for metric in (
        {},
        {"provider": {"job": {"name": "smoke"}}},
        {"provider": {"prometheus": {"address": "http://x", "query": 'up{pod=~"{{workload}}-{{ hash }}"}'}}},
    ):
        assert refused(workload(), smoke, policy=measured(**metric)) == ""


def test_a_change_of_what_is_fixed_is_refused_before_the_start() -> None:
    def selecting(labels: Object, **annotations: str) -> Object:
        obj = workload()
        metadata = {**obj["metadata"], "annotations": annotations}
        return {**obj, "metadata": metadata, "spec": {**obj["spec"], "selector": {"matchLabels": labels}}}

    def words(before: Object, after: Object, policy: RolloutPolicySpec | None = None) -> str:
        stable = {manifest.key: manifest for manifest in map(Manifest.of, (before, SERVICE, HTTP))}
        return refused(after, SERVICE, HTTP, policy=policy, stable=stable)

    old, new = selecting({"app": "web"}), selecting({"app": "web", "tier": "front"})
    for policy in (canary(), canary(plain=True), blue_green(), rolling()):
        assert "changes spec.selector, which cannot be changed" in words(old, new, policy)
    assert words(old, old) == ""
    empty = {**old, "spec": {**old["spec"], "selector": {"matchLabels": {"app": "web"}, "matchExpressions": []}}}
    assert words(old, empty) == "", "an empty list selects nothing else"
    replaced = selecting({"app": "web", "tier": "front"}, **{"gitops-agent.dev/replace": "on-immutable"})
    assert words(old, replaced) == ""
