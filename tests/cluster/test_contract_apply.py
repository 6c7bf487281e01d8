"""Assumptions about server-side apply, checked against the real API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Conflict, Invalid, NotFound
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object, ObjectKey
from tests.cluster.crds import install, new_group, remove, widget
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

Make = Callable[..., Object]


def deployment(namespace: str, **spec: Any) -> Object:
    container = {"name": "web", "image": "web:1", "resources": {"requests": {"cpu": "1000m", "memory": "1024Mi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": namespace, "labels": {"app": "web"}},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def version(obj: Object) -> str:
    return str(obj["metadata"]["resourceVersion"])


def managers(obj: Object) -> dict[tuple[str, str], Any]:
    return {(entry["manager"], entry["operation"]): entry["fieldsV1"] for entry in obj["metadata"]["managedFields"]}


def test_an_identical_apply_keeps_the_resource_version(objects: Objects, configmap: Make) -> None:
    first = objects.apply(configmap())
    second = objects.apply(configmap())

    assert version(second) == version(first)
    assert second["metadata"]["managedFields"] == first["metadata"]["managedFields"]


def test_an_identical_apply_of_a_workload_keeps_the_resource_version(objects: Objects, namespace: str) -> None:
    idle = deployment(namespace, replicas=0, paused=True)

    eventually(lambda: version(objects.apply(idle)) == version(objects.apply(idle)), what="the controller to be done with it")


def test_our_manager_has_one_entry_with_exactly_our_fields(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap(data={"a": "1"}, part="x"))

    assert managers(applied)["gitops-agent", "Apply"] == {"f:data": {"f:a": {}}, "f:metadata": {"f:labels": {"f:part": {}}}}


def test_a_quantity_is_spelled_anew_and_stays_ours(objects: Objects, namespace: str) -> None:
    applied = objects.apply(deployment(namespace))
    requests = applied["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]
    ours = managers(applied)["gitops-agent", "Apply"]["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"web"}']

    assert requests == {"cpu": "1", "memory": "1Gi"}
    assert set(ours["f:resources"]["f:requests"]) == {"f:cpu", "f:memory"}


def test_defaults_are_filled_in_and_have_no_owner(objects: Objects, namespace: str) -> None:
    applied = objects.apply(deployment(namespace))

    assert applied["spec"]["revisionHistoryLimit"] == 10
    assert "f:revisionHistoryLimit" not in managers(applied)["gitops-agent", "Apply"]["f:spec"]


def test_a_field_that_is_no_longer_applied_is_removed(objects: Objects, configmap: Make) -> None:
    objects.apply(configmap(data={"a": "1", "b": "2"}))

    assert objects.apply(configmap(data={"a": "1"}))["data"] == {"a": "1"}


def test_a_field_of_another_manager_stays(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap(data={"a": "1"}))
    objects.merge_patch(ObjectKey.of(applied), {"data": {"b": "2"}}, field_manager="kubectl-edit")
    again = objects.apply(configmap(data={"a": "1"}))

    assert again["data"] == {"a": "1", "b": "2"}
    assert managers(again)["kubectl-edit", "Update"] == {"f:data": {"f:b": {}}}


def test_an_edit_of_our_field_takes_it_from_us_and_force_takes_it_back(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap(data={"a": "1"}))
    edited = objects.merge_patch(ObjectKey.of(applied), {"data": {"a": "2"}}, field_manager="kubectl-edit")
    repaired = objects.apply(configmap(data={"a": "1"}))

    assert "f:a" not in managers(edited).get(("gitops-agent", "Apply"), {}).get("f:data", {})
    assert managers(edited)["kubectl-edit", "Update"]["f:data"] == {"f:a": {}}
    assert repaired["data"] == {"a": "1"}
    assert ("kubectl-edit", "Update") not in managers(repaired)


def test_without_force_a_field_of_another_applier_is_a_conflict(objects: Objects, configmap: Make) -> None:
    objects.apply(configmap(data={"a": "1"}), field_manager="other")
    with pytest.raises(Conflict) as caught:
        objects.apply(configmap(data={"a": "2"}), force=False)

    assert [cause["reason"] for cause in caught.value.details["causes"]] == ["FieldManagerConflict"]
    assert objects.apply(configmap(data={"a": "2"}))["data"] == {"a": "2"}


def test_a_dry_run_stores_nothing(objects: Objects, configmap: Make) -> None:
    shown = objects.apply(configmap(), dry_run=True)
    with pytest.raises(NotFound):
        objects.get(ObjectKey.of(shown))

    applied = objects.apply(configmap(data={"a": "1"}))
    changed = objects.apply(configmap(data={"a": "2"}), dry_run=True)

    assert changed["data"] == {"a": "2"}
    assert version(objects.get(ObjectKey.of(applied))) == version(applied)


def test_string_data_is_owned_as_such_so_it_never_shows_an_edit_of_data(objects: Objects, namespace: str) -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": namespace},
        "stringData": {"password": "one"},
    }
    applied = objects.apply(secret)

    assert "f:stringData" in managers(applied)["gitops-agent", "Apply"]
    assert "f:data" not in managers(applied)["gitops-agent", "Apply"]


def test_an_unknown_field_of_a_built_in_kind_is_refused_for_good(objects: Objects, configmap: Make) -> None:
    wrong = configmap() | {"dta": {"a": "1"}}
    with pytest.raises(Invalid) as applied:
        objects.apply(wrong)
    with pytest.raises(Invalid) as created:
        objects.create(wrong)

    assert (applied.value.status, applied.value.code) == (500, "SchemaViolation")
    assert [cause["field"] for cause in applied.value.details["causes"]] == ["dta"]
    assert (created.value.status, "unknown field" in str(created.value)) == (400, True)


def test_an_unknown_field_of_a_custom_kind_is_refused_for_good(objects: Objects, discovery: Discovery, namespace: str) -> None:
    group = new_group()
    install(objects, discovery, group)
    try:
        wrong = copy(widget(group, namespace))
        wrong["spec"]["szie"] = 3
        with pytest.raises(Invalid) as caught:
            objects.apply(wrong)

        assert caught.value.transient is False
        assert "szie" in str(caught.value)
    finally:
        remove(objects, group)


def test_every_value_of_a_wrong_type_is_named_at_once(objects: Objects, namespace: str) -> None:
    # Of fields it does not know the API server names the first it meets, in no order, and then looks no further.
    wrong = deployment(namespace, replicas="many", minReadySeconds="long")
    with pytest.raises(Invalid) as caught:
        objects.apply(wrong)

    assert {cause["field"] for cause in caught.value.details["causes"]} == {"spec.replicas", "spec.minReadySeconds"}


def test_a_change_of_an_immutable_field_is_invalid_with_its_field(objects: Objects, namespace: str) -> None:
    objects.apply(deployment(namespace, replicas=0))
    changed = deployment(namespace, replicas=0, selector={"matchLabels": {"app": "other"}})
    changed["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    with pytest.raises(Invalid) as caught:
        objects.apply(changed, dry_run=True)

    assert (caught.value.status, caught.value.details["causes"][0]["field"]) == (422, "spec.selector")
    assert "immutable" in caught.value.details["causes"][0]["message"]
