from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.errors import AgentError, Invalid
from gitops_agent.manifest.key import Object
from gitops_agent.sync.apply.errors import NEVER
from gitops_agent.sync.apply.replacement import Unneeded, prove
from tests.sync.apply.test_executor import config, deployment
from tests.sync.cluster_env import ClusterEnv

pytestmark = pytest.mark.cluster


def within(stage: ClusterEnv, obj: Object) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "namespace": stage.namespace}}


def proof(stage: ClusterEnv, obj: Object) -> AgentError | None:
    return prove(stage.objects, within(stage, obj), as_user=None)


def other_selector(**spec: Any) -> Object:
    pod = {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": [{"name": "web", "image": "registry.test/web:1"}]}}
    return deployment(selector={"matchLabels": {"app": "other"}}, template=pod, **spec)


def test_a_change_that_is_possible_in_place_needs_no_replacement(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    assert isinstance(proof(stage, deployment(replicas=1)), Unneeded)


def test_a_changed_selector_is_proved_to_need_one(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    assert proof(stage, other_selector()) is None


def test_a_new_object_that_would_be_refused_keeps_the_old_one(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    mismatched = deployment(selector={"matchLabels": {"app": "mismatch"}})
    refusal = proof(stage, mismatched)
    assert isinstance(refusal, Invalid)


def test_another_error_than_immutability_proves_nothing(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    refusal = proof(stage, deployment(replicas=-1))
    assert refusal is not None
    assert not isinstance(refusal, Unneeded)


def test_an_immutable_config_can_be_replaced(stage: ClusterEnv) -> None:
    stage.sync({**config(), "immutable": True})
    assert proof(stage, {**config(a="2"), "immutable": True}) is None


def test_the_type_of_a_secret_can_be_replaced(stage: ClusterEnv) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque"}
    stage.sync(secret)
    assert proof(stage, {**secret, "type": "example.com/other"}) is None


def test_a_service_with_a_fixed_address_is_tried_without_it(stage: ClusterEnv) -> None:
    """Its address is taken as long as the old one lives."""
    spec = {"selector": {"a": "b"}, "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    stage.sync(service)
    headless = {**service, "spec": {**spec, "clusterIP": "None"}}
    refusal = proof(stage, headless)
    assert refusal is None, refusal


@pytest.mark.parametrize("kind", sorted(NEVER), ids=str)
def test_what_holds_data_is_never_replaced(kind: Any, stage: ClusterEnv) -> None:
    version = f"{kind.group}/v1" if kind.group else "v1"
    refusal = prove(stage.objects, {"apiVersion": version, "kind": kind.kind, "metadata": {"name": "x"}}, as_user=None)
    assert isinstance(refusal, Invalid)


def test_trying_out_leaves_nothing_behind(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    proof(stage, other_selector())
    found = stage.objects.list(stage.discovery.find("apps", "Deployment"), namespace=stage.namespace).items
    assert [obj["metadata"]["name"] for obj in found] == ["web"]
