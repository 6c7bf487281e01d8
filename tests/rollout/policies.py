"""Policies for tests."""

from __future__ import annotations

from typing import Any

from gitops_agent.api.problems import read
from gitops_agent.api.rollout_policy import RolloutPolicySpec

METRIC = {
    "name": "errors",
    "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "up"}},
    "success": "result < 0.01",
    "interval": "30s",
}
STEPS = [{"weight": 25, "pause": "1m"}, {"weight": 50, "pause": "1m"}]


def policy(
    strategy: dict[str, Any], *, plain: bool = False, metrics: bool = False, baseline: bool = False, **fields: Any
) -> RolloutPolicySpec:
    traffic = {"provider": "service"} if plain else {"provider": "gatewayAPI", "routes": [{"kind": "HTTPRoute", "name": "web"}]}
    spec = {
        "targetRef": {"name": "web"},
        "service": "web",
        "traffic": traffic,
        "strategy": strategy,
        "analysis": {"metrics": [METRIC] if metrics else [], "baseline": baseline},
        **fields,
    }
    return read(RolloutPolicySpec, spec, root="spec")


def canary(
    steps: list[dict[str, Any]] | None = None, *, surge: int = 100, delay: str = "30s", **fields: Any
) -> RolloutPolicySpec:
    strategy = {"steps": STEPS if steps is None else steps, "surgePercent": surge, "scaleDownDelay": delay}
    return policy({"canary": strategy}, **fields)


def blue_green(**fields: Any) -> RolloutPolicySpec:
    options = {name: fields.pop(name) for name in ("autoPromote", "previewReplicas", "scaleDownDelay") if name in fields}
    return policy({"blueGreen": options}, **fields)


def rolling(**fields: Any) -> RolloutPolicySpec:
    return policy({"rolling": {}}, **fields)
