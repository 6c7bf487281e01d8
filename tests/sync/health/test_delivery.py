from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from gitops_agent.sync.health import Health, Status, assess
from tests.sync.health.live import condition, conditions, live, verdict


def reported(health: str, sync: str = "Synced", **more: Any) -> Object:
    return {"health": {"status": health}, "sync": {"status": sync}, **more}


@pytest.mark.parametrize("version", ["gitops-agent.dev/v1alpha1", "argoproj.io/v1alpha1"])
@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {}, ("Progressing", "NotObserved")),
        ({}, reported("Healthy"), ("Healthy", "")),
        ({}, reported("Healthy", "OutOfSync"), ("Progressing", "OutOfSync")),
        ({}, reported("Degraded"), ("Degraded", "Degraded")),
        ({}, reported("Progressing"), ("Progressing", "Progressing")),
        ({}, reported("Missing"), ("Progressing", "Missing")),
        ({}, reported("Unknown"), ("Progressing", "Unknown")),
        ({"suspend": {"reason": "incident"}}, reported("Healthy"), ("Suspended", "Suspended")),
    ],
)
def test_an_application(version: str, spec: Object, status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live(version, "Application", spec=spec, status=status)) == expected


def test_a_stalled_application_of_ours_is_degraded() -> None:
    status = reported("Healthy") | conditions(condition("Stalled", "True", "InvalidSpec", "spec.sync.interval: no duration"))

    assert verdict(live("gitops-agent.dev/v1alpha1", "Application", status=status)) == ("Degraded", "InvalidSpec")


def test_a_notifier_that_has_sent_nothing_is_healthy() -> None:
    assert verdict(live("gitops-agent.dev/v1alpha1", "Notifier")) == ("Healthy", "")


def test_a_notifier_that_cannot_send_is_degraded() -> None:
    status = conditions(condition("Ready", "False", "DeliveryFailed", "the receiver answered 401"))

    assert assess(live("gitops-agent.dev/v1alpha1", "Notifier", status=status)).message == "the receiver answered 401"


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {}, ("Progressing", "NotReady")),
        ({}, conditions(condition("Ready", "True")), ("Healthy", "")),
        ({}, conditions(condition("Ready", "False", "BuildFailed", "no such file")), ("Degraded", "BuildFailed")),
        ({}, conditions(condition("Ready", "False", "DependencyNotReady")), ("Progressing", "DependencyNotReady")),
        ({}, conditions(condition("Ready", "False", "X"), condition("Reconciling", "True", "Retry")), ("Progressing", "Retry")),
        ({"suspend": True}, conditions(condition("Ready", "True")), ("Suspended", "Suspended")),
    ],
)
def test_flux(spec: Object, status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("kustomize.toolkit.fluxcd.io/v1", "Kustomization", spec=spec, status=status)) == expected


def test_flux_configuration_has_no_status_to_wait_for() -> None:
    assert verdict(live("notification.toolkit.fluxcd.io/v1beta3", "Provider")) == ("Healthy", "")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, ("Progressing", "NotObserved")),
        ({"phase": "Healthy"}, ("Healthy", "")),
        ({"phase": "Paused", "message": "CanaryPauseStep"}, ("Suspended", "Paused")),
        ({"phase": "Degraded", "message": "RolloutAborted"}, ("Degraded", "Degraded")),
        ({"abort": True}, ("Degraded", "RolloutAborted")),
        ({"phase": "Progressing", "message": "more replicas need to be updated"}, ("Progressing", "RollingOut")),
        (conditions(condition("InvalidSpec", "True", "InvalidSpec")), ("Degraded", "InvalidSpec")),
    ],
)
def test_an_argo_rollout(status: Object, expected: tuple[str, str]) -> None:
    seen = status | ({"observedGeneration": "1"} if status else {})

    assert verdict(live("argoproj.io/v1alpha1", "Rollout", spec={"replicas": 2}, status=seen)) == expected


def test_a_rollout_whose_generation_was_not_seen_is_progressing() -> None:
    obj = live("argoproj.io/v1alpha1", "Rollout", status={"observedGeneration": "1", "phase": "Healthy"}, generation=2)

    assert verdict(obj) == ("Progressing", "NotObserved")


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {}, ("Progressing", "Pending")),
        ({}, {"phase": "Running"}, ("Progressing", "Running")),
        ({}, {"phase": "Succeeded"}, ("Healthy", "Succeeded")),
        ({}, {"phase": "Error", "message": "no pod"}, ("Degraded", "Error")),
        ({"suspend": True}, {"phase": "Running"}, ("Suspended", "Suspended")),
    ],
)
def test_a_workflow(spec: Object, status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("argoproj.io/v1alpha1", "Workflow", spec=spec, status=status)) == expected


def test_an_application_whose_deletion_waits_for_approval_reports_it() -> None:
    ready = {"type": "Ready", "status": "False", "reason": "HeldForApproval", "message": "8 objects would go"}
    obj = {
        "apiVersion": "gitops-agent.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "deletionTimestamp": "2026-05-04T12:00:00Z"},
        "status": {"conditions": [ready]},
    }

    assert assess(obj) == Health(Status.PROGRESSING, "HeldForApproval", "8 objects would go")
