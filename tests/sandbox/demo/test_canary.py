"""The rollouts of the example repository, rendered as the story finds them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitops_agent.api.problems import read
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.manifest.yaml import load_all
from gitops_agent.process import run
from gitops_agent.sandbox.demo import metrics
from gitops_agent.sandbox.demo.canary import CHECKOUT, ERRORS
from gitops_agent.sandbox.demo.repository import example

pytestmark = pytest.mark.slow


def policies(overlay: str) -> dict[str, RolloutPolicySpec]:
    """The policies of an overlay of the shop, by name."""
    path = example() / "apps" / "shop" / "overlays" / overlay
    result = run((sys.executable, "-m", "gitops_agent", "render", str(path)), env={"HOME": str(Path.home())})
    objects = [obj for obj in load_all(result.stdout, file=overlay) if obj["kind"] == "RolloutPolicy"]
    return {obj["metadata"]["name"]: read(RolloutPolicySpec, obj["spec"], root="spec") for obj in objects}


@pytest.mark.parametrize("overlay", ["production", "staging", "demo"])
def test_every_overlay_has_a_canary_a_blue_green_and_a_rolling_workload(overlay: str) -> None:
    by_name = policies(overlay)

    assert by_name[CHECKOUT].strategy.canary is not None
    assert by_name["web"].strategy.blue_green is not None
    assert by_name["worker"].strategy.rolling is not None


def test_the_demo_has_the_steps_of_production_with_shorter_waits() -> None:
    production, demo = (policies(name)[CHECKOUT].strategy.canary for name in ("production", "demo"))
    assert production is not None
    assert demo is not None

    assert [step.weight for step in demo.steps] == [step.weight for step in production.steps] == [25, 50]
    assert [step.pause and step.pause.total_seconds() for step in production.steps] == [300, None]
    assert [step.pause and step.pause.total_seconds() for step in demo.steps] == [3, None]


def test_the_metric_asks_the_address_that_the_story_replaces() -> None:
    (metric,) = policies("demo")[CHECKOUT].analysis.metrics

    assert metric.provider.prometheus is not None
    assert metric.provider.prometheus.address == metrics.PLACEHOLDER
    assert 'deployment="{{workload}}"' in metric.provider.prometheus.query


def test_exactly_one_version_of_the_story_fails() -> None:
    assert [version for version, rate in ERRORS.items() if rate >= 0.01] == ["2.3.0"]
