from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, Invalid
from gitops_agent.manifest.key import Object
from gitops_agent.sync.apply.errors import NEVER
from gitops_agent.sync.apply.replacement import Unneeded, prove
from tests.cluster.wire import Asked, Line, Wire
from tests.sync.apply.test_executor import config, deployment
from tests.sync.cluster_env import ClusterEnv


def within(stage: ClusterEnv, obj: Object) -> Object:
    return {**obj, "metadata": {**obj["metadata"], "namespace": stage.namespace}}


def proof(stage: ClusterEnv, obj: Object) -> AgentError | None:
    return prove(stage.objects, within(stage, obj), as_user=None)


def other_selector(**spec: Any) -> Object:
    pod = {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": [{"name": "web", "image": "registry.test/web:1"}]}}
    return deployment(selector={"matchLabels": {"app": "other"}}, template=pod, **spec)


@pytest.mark.cluster
def test_a_change_that_is_possible_in_place_needs_no_replacement(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    assert isinstance(proof(stage, deployment(replicas=1)), Unneeded)


@pytest.mark.cluster
def test_a_changed_selector_is_proved_to_need_one(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    assert proof(stage, other_selector()) is None


@pytest.mark.cluster
def test_a_new_object_that_would_be_refused_keeps_the_old_one(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    mismatched = deployment(selector={"matchLabels": {"app": "mismatch"}})
    refusal = proof(stage, mismatched)
    assert isinstance(refusal, Invalid)


@pytest.mark.cluster
def test_another_error_than_immutability_proves_nothing(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    refusal = proof(stage, deployment(replicas=-1))
    assert refusal is not None
    assert not isinstance(refusal, Unneeded)


@pytest.mark.cluster
def test_an_immutable_config_can_be_replaced(stage: ClusterEnv) -> None:
    stage.sync({**config(), "immutable": True})
    assert proof(stage, {**config(a="2"), "immutable": True}) is None


@pytest.mark.cluster
def test_the_type_of_a_secret_can_be_replaced(stage: ClusterEnv) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque"}
    stage.sync(secret)
    assert proof(stage, {**secret, "type": "example.com/other"}) is None


@pytest.mark.cluster
def test_a_service_with_a_fixed_address_is_tried_without_it(stage: ClusterEnv) -> None:
    """Its address is taken as long as the old one lives."""
    spec = {"selector": {"a": "b"}, "ports": [{"port": 80}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    stage.sync(service)
    headless = {**service, "spec": {**spec, "clusterIP": "None"}}
    refusal = proof(stage, headless)
    assert refusal is None, refusal


@pytest.mark.cluster
def test_trying_out_leaves_nothing_behind(stage: ClusterEnv) -> None:
    stage.sync(deployment())
    proof(stage, other_selector())
    deployments = stage.objects.list(stage.discovery.find("apps", "Deployment"), namespace=stage.namespace).items
    assert [obj["metadata"]["name"] for obj in deployments] == ["web"]


class Refusal(NamedTuple):
    """An answer of the API server to a dry run."""

    status: int
    reason: str
    message: str
    causes: tuple[dict[str, str], ...] = ()


IMMUTABLE = Refusal(422, "Invalid", "no", ({"field": "spec.selector", "message": "field is immutable"},))
KINDS = [("", "v1", "Service", True), ("apps", "v1", "Deployment", True), ("apiregistration.k8s.io", "v1", "APIService", False)]


def discovered(path: str) -> Object:
    """The kinds of the core, or those of all other groups."""
    groups = []
    for group, version, kind, namespaced in KINDS:
        resource = {
            "resource": f"{kind.lower()}s",
            "responseKind": {"group": group, "version": version, "kind": kind},
            "scope": "Namespaced" if namespaced else "Cluster",
            "singularResource": kind.lower(),
            "verbs": ["get", "create", "patch"],
        }
        versions = [{"version": version, "resources": [resource], "freshness": "Current"}]
        if bool(group) == (path == "/apis"):
            groups.append({"metadata": {"name": group}, "versions": versions})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "items": groups}


def proved(
    folder: Path, body: Object, *, in_place: Refusal | None = IMMUTABLE, new: Refusal | None = None
) -> tuple[AgentError | None, list[Asked]]:
    """The objection, and the dry runs that were made."""

    def answer(asked: Asked, line: Line) -> None:
        refusal = {"PATCH": in_place, "POST": new}.get(asked.method)
        if asked.method == "GET":
            discovery = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
            line.text(json.dumps(discovered(asked.path)), content_type=discovery)
        elif refusal is not None:
            line.refuse(refusal.status, refusal.reason, refusal.message, {"causes": list(refusal.causes)})
        else:
            line.json(json.loads(asked.body))

    with Wire(answer) as wire:
        transport = wire.transport(folder)
        try:
            objection = prove(Objects(transport, Discovery(transport)), body, as_user=None)
        finally:
            transport.close()
    writes = [asked for asked in wire.asked if asked.method != "GET"]
    assert all(asked.query["dryRun"] == "All" for asked in writes)
    return objection, writes


def tried(folder: Path, body: Object) -> Object:
    """The object that is tried out in place of this one."""
    objection, writes = proved(folder, body)
    assert objection is None
    result: Object = json.loads(writes[-1].body)
    return result


def service(name: str = "web", **spec: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


@pytest.mark.parametrize("kind", sorted(NEVER), ids=str)
def test_what_holds_data_is_not_even_tried(kind: Any, tmp_path: Path) -> None:
    version = f"{kind.group}/v1" if kind.group else "v1"
    objection, writes = proved(tmp_path, {"apiVersion": version, "kind": kind.kind, "metadata": {"name": "x"}})

    assert isinstance(objection, Invalid)
    assert objection.code == "NotReplaceable"
    assert writes == []


def test_a_refusal_for_another_reason_than_immutability_is_the_objection(tmp_path: Path) -> None:
    objection, writes = proved(tmp_path, service(), in_place=Refusal(403, "Forbidden", "you may not"))

    assert objection is not None
    assert "you may not" in str(objection)
    assert [asked.method for asked in writes] == ["PATCH"]


@pytest.mark.parametrize(
    ("refusal", "replaceable"),
    [
        (Refusal(403, "Forbidden", "exceeded quota: pods"), True),
        (Refusal(403, "Forbidden", "the policy says no"), False),
        (Refusal(422, "Invalid", "spec.ports: required"), False),
    ],
)
def test_a_new_object_may_be_refused_for_nothing_but_the_quota_that_the_old_one_uses(
    refusal: Refusal, tmp_path: Path, *, replaceable: bool
) -> None:
    objection, _ = proved(tmp_path, service(), new=refusal)

    assert (objection is None) == replaceable
    assert objection is None or "nothing was deleted" in str(objection)


def test_a_kind_that_is_named_by_its_content_is_not_tried_under_another_name(tmp_path: Path) -> None:
    body = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": "v1.example.com"}}

    objection, writes = proved(tmp_path, body)

    assert objection is None
    assert [asked.method for asked in writes] == ["PATCH"]


def test_a_service_is_tried_without_what_only_one_can_have(tmp_path: Path) -> None:
    body = service(
        clusterIP="10.0.0.1", clusterIPs=["10.0.0.1"], healthCheckNodePort=1, ports=[{"port": 80, "nodePort": 30080}]
    )

    assert tried(tmp_path, body)["spec"] == {"ports": [{"port": 80}]}
    assert body["spec"]["clusterIP"] == "10.0.0.1"


def test_a_service_without_an_address_is_tried_as_one(tmp_path: Path) -> None:
    assert tried(tmp_path, service(clusterIP="None"))["spec"] == {"clusterIP": "None"}


def test_other_kinds_are_tried_with_all_their_fields(tmp_path: Path) -> None:
    body = {**service(clusterIP="10.0.0.1"), "apiVersion": "apps/v1", "kind": "Deployment"}

    assert tried(tmp_path, body)["spec"] == {"clusterIP": "10.0.0.1"}


def test_the_name_of_a_trial_fits_into_a_label(tmp_path: Path) -> None:
    name = tried(tmp_path, service("a" * 43 + "-" + "b" * 10))["metadata"]["name"]

    assert name.startswith("a" * 43 + "-try-")
    assert len(name) <= 63
