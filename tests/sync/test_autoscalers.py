from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.sync.autoscalers import target, targets
from tests.sync.samples import key, thing


def scaler(reference: Any) -> dict[str, Any]:
    return thing("HorizontalPodAutoscaler", "web", spec={"scaleTargetRef": reference})


def test_an_autoscaler_names_its_workload_in_its_own_namespace() -> None:
    obj = scaler({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"})
    assert targets([obj, thing("ConfigMap", "web")]) == {key("Deployment", "web")}


def test_a_scaled_object_means_a_deployment_unless_it_says_otherwise() -> None:
    obj = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "x", "namespace": "shop"}}
    assert target({**obj, "spec": {"scaleTargetRef": {"name": "web"}}}) == key("Deployment", "web")
    reference = {"name": "db", "kind": "StatefulSet"}
    assert target({**obj, "spec": {"scaleTargetRef": reference}}) == key("StatefulSet", "db")


@pytest.mark.parametrize("reference", [None, {}, "web", {"kind": "Deployment"}, {"name": "web"}])
def test_a_torn_reference_names_nothing(reference: Any) -> None:
    assert target(scaler(reference)) is None


def test_other_objects_scale_nothing() -> None:
    assert target(thing("ConfigMap", "web", spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}})) is None
