from __future__ import annotations

import json

import pytest

from gitops_agent.manifest.key import Object
from tests.sync.health.live import condition, conditions, live, verdict

ABLE = condition("AbleToScale", "True")
NO_METRICS = condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, ("Progressing", "NotObserved")),
        (conditions(ABLE, condition("ScalingActive", "True")), ("Healthy", "")),
        (conditions(condition("AbleToScale", "False", "FailedGetScale")), ("Degraded", "FailedGetScale")),
        (conditions(condition("AbleToScale", "False", "BackoffBoth")), ("Healthy", "")),
        (conditions(ABLE, NO_METRICS), ("Progressing", "FailedGetResourceMetric")),
        (conditions(ABLE, NO_METRICS, lastScaleTime="2026-01-01T00:00:00Z"), ("Degraded", "FailedGetResourceMetric")),
        (conditions(ABLE, condition("ScalingActive", "False", "InvalidSelector")), ("Degraded", "InvalidSelector")),
        (conditions(ABLE, condition("ScalingActive", "False", "ScalingDisabled")), ("Healthy", "ScalingDisabled")),
    ],
)
def test_an_autoscaler(status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("autoscaling/v2", "HorizontalPodAutoscaler", status=status)) == expected


def test_an_autoscaler_of_version_1_keeps_its_conditions_in_an_annotation() -> None:
    written = json.dumps([condition("AbleToScale", "False", "FailedGetScale")])
    obj = live("autoscaling/v1", "HorizontalPodAutoscaler", annotations={"autoscaling.alpha.kubernetes.io/conditions": written})

    assert verdict(obj) == ("Degraded", "FailedGetScale")


def test_an_annotation_that_is_no_json_is_no_condition() -> None:
    obj = live("autoscaling/v1", "HorizontalPodAutoscaler", annotations={"autoscaling.alpha.kubernetes.io/conditions": "{"})

    assert verdict(obj) == ("Progressing", "NotObserved")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, ("Progressing", "NotObserved")),
        (conditions(condition("DisruptionAllowed", "True")), ("Healthy", "")),
        (conditions(condition("DisruptionAllowed", "False", "InsufficientPods")), ("Healthy", "InsufficientPods")),
        (conditions(condition("DisruptionAllowed", "False", "SyncFailed")), ("Degraded", "SyncFailed")),
    ],
)
def test_a_disruption_budget(status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("policy/v1", "PodDisruptionBudget", status=status)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, ("Progressing", "NotReady")),
        (conditions(condition("Ready", "True")), ("Healthy", "")),
        (conditions(condition("Ready", "False", "ScaledObjectCheckFailed")), ("Degraded", "ScaledObjectCheckFailed")),
        (conditions(condition("Ready", "True"), condition("Paused", "True")), ("Suspended", "Paused")),
        (
            conditions(condition("Ready", "True"), condition("Fallback", "True", "FallbackExists")),
            ("Degraded", "FallbackExists"),
        ),
    ],
)
def test_keda(status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("keda.sh/v1alpha1", "ScaledObject", status=status)) == expected
