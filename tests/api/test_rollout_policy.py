from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from gitops_agent.api import problems
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.api.rollout_policy import RolloutPolicySpec, TrafficProvider
from gitops_agent.api.schema import structural
from gitops_agent.manifest.key import Object

METRIC: Object = {
    "name": "error-rate",
    "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "up"}},
    "success": "result < 0.01",
    "interval": "30s",
    "failureLimit": 2,
    "noData": "inconclusive",
}
SPEC: Object = {
    "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    "service": "web",
    "traffic": {"provider": "gatewayAPI", "routes": [{"kind": "HTTPRoute", "name": "web"}]},
    "strategy": {
        "canary": {
            "steps": [
                {"weight": 5, "pause": "2m"},
                {"weight": 25, "analysis": True, "pause": "5m"},
                {"match": {"header": {"name": "user", "value": "david"}}, "pause": "10m"},
                {"mirror": {"percent": 10}, "setCanaryScale": {"percent": 50}},
                {"weight": 50, "approval": True},
            ],
        },
    },
    "analysis": {
        "metrics": [METRIC, {**METRIC, "name": "p99", "success": None, "compare": "stable", "maxIncrease": "10%"}],
    },
    "progressDeadline": "10m",
}
del SPEC["analysis"]["metrics"][1]["success"]
ROLLING: Object = {"targetRef": {"kind": "StatefulSet", "name": "db"}, "strategy": {"rolling": {}}}


def read(spec: Object) -> RolloutPolicySpec:
    return problems.read(RolloutPolicySpec, spec, root="spec")


def test_a_policy_is_read() -> None:
    policy = read(SPEC)

    assert policy.traffic.provider is TrafficProvider.GATEWAY_API
    assert policy.strategy.canary is not None
    assert policy.strategy.canary.steps[0].pause == timedelta(minutes=2)


@pytest.mark.parametrize(
    "spec",
    [
        ROLLING,
        {**SPEC, "strategy": {"blueGreen": {"autoPromote": False, "previewReplicas": 1, "scaleDownDelay": "30s"}}},
        {**SPEC, "traffic": {"provider": "service"}, "strategy": {"canary": {"steps": [{"weight": 20}], "surgePercent": 0}}},
    ],
)
def test_every_strategy_survives_its_json(spec: Object) -> None:
    content = read(spec)

    assert read(content.model_dump(mode="json", by_alias=True, exclude_none=True)) == content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"strategy": {}}, "needs exactly one of canary, blueGreen and rolling"),
        ({"strategy": {"canary": {"steps": []}}}, "fewer than 1"),
        ({"strategy": {"canary": {"steps": [{}]}}}, "the step does nothing"),
        ({"strategy": {"canary": {"steps": [{"weight": 101}]}}}, "is more than 100"),
        ({"strategy": {"canary": {"steps": [{"wieght": 10}]}}}, "did you mean weight?"),
        ({"strategy": {"canary": {"steps": [{"match": {}}]}}}, "needs either header or cookie"),
        (
            {"strategy": {"canary": {"steps": [{"setCanaryScale": {"replicas": 1, "percent": 2}}]}}},
            "either replicas or percent",
        ),
        ({"strategy": {"canary": {"steps": [{"weight": 1}], "surgePercent": 0}}}, "only for a plain Service"),
        ({"service": None}, "canary and blueGreen need a service"),
        ({"targetRef": {"kind": "DaemonSet", "name": "x"}}, "has only the strategy rolling"),
        ({"traffic": {"provider": "istio"}}, "needs routes"),
        ({"traffic": {"provider": "service"}}, "knows neither match nor mirror"),
        ({"progressDeadline": "never"}, "spec.progressDeadline"),
        ({"analysis": {"metrics": [METRIC, METRIC]}}, "two metrics have the same name"),
        ({"analysis": {"metrics": [{**METRIC, "provider": {}}]}}, "needs exactly one of prometheus"),
        ({"analysis": {"metrics": [{**METRIC, "maxIncrease": "5%"}]}}, "need each other"),
        ({"analysis": {"metrics": [{"name": "x", "provider": METRIC["provider"]}]}}, "needs success, failure or compare"),
        ({"strategy": {"blueGreen": {}}, "analysis": {"baseline": True}}, "baseline is only for a canary with routes"),
        (
            {"strategy": {"canary": {"steps": [{"weight": 9}]}}, "traffic": None, "analysis": {"baseline": True}},
            "baseline is only for a canary with routes",
        ),
        ({"strategy": {"rolling": {}}}, "compare needs a canary"),
    ],
)
def test_a_wrong_policy_is_refused(change: Object, message: str) -> None:
    spec = {name: value for name, value in {**SPEC, **change}.items() if value is not None}
    with pytest.raises(SpecInvalid) as caught:
        read(spec)

    assert message in str(caught.value)


def test_all_problems_come_at_once() -> None:
    with pytest.raises(SpecInvalid) as caught:
        read({**SPEC, "progressDeadline": "1", "drain": "x", "service": "No"})

    assert {problem.path for problem in caught.value.problems} == {"spec.progressDeadline", "spec.drain", "spec.service"}


@pytest.mark.parametrize("spec", [None, [], "x", 1])
def test_whatever_the_spec_holds_there_is_only_one_error(spec: Any) -> None:
    with pytest.raises(SpecInvalid):
        read(spec)


def nodes(node: Object, path: str) -> Iterator[tuple[str, Object]]:
    yield path, node
    for name, part in node.get("properties", {}).items():
        yield from nodes(part, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in node:
            yield from nodes(node[key], f"{path}[]")


def test_the_schema_is_structural_bounded_and_speaks() -> None:
    schema = structural(RolloutPolicySpec)
    by_path = dict(nodes(schema, "spec"))
    bounds = {"string": ("maxLength", "enum"), "array": ("maxItems",), "integer": ("maximum",)}

    assert not any(word in str(schema) for word in ("$ref", "$defs", "anyOf", "title", "'additionalProperties': False"))
    assert [path for path, node in by_path.items() if not any(b in node for b in bounds.get(node["type"], node))] == []
    assert [path for path, node in by_path.items() if "description" not in node and not path.endswith("[]")] == []
