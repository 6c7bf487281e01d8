from __future__ import annotations

import base64
from typing import Any

import pytest

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.merge_keys import ABSENT
from gitops_agent.sync.drift.report import DriftReport, FieldDrift, declared_changes, describe
from tests.sync.apply.test_executor import config, deployment
from tests.sync.cluster_env import ClusterEnv
from tests.sync.live.test_live_object import CONFIG, stored
from tests.sync.samples import thing


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_an_object_as_it_was_applied_has_no_drift() -> None:
    assert describe(Manifest.of(CONFIG), stored(CONFIG)) == DriftReport()


def test_without_the_object_the_report_says_that_it_is_missing() -> None:
    assert describe(Manifest.of(CONFIG), None).missing


def test_an_edit_is_reported_with_both_values_the_manager_and_the_time() -> None:
    live = stored(CONFIG)
    live["data"]["a"] = "evil"
    live["metadata"]["managedFields"][0]["fieldsV1"].pop("f:data")
    live["metadata"]["managedFields"].append(
        {
            "manager": "kubectl-edit",
            "operation": "Update",
            "time": "2026-11-05T10:00:00Z",
            "fieldsV1": {"f:data": {"f:a": {}}},
        }
    )
    report = describe(Manifest.of(CONFIG), live)
    (change,) = report.changes
    assert (change.path, change.declared, change.found) == ("/data/a", "1", "evil")
    assert (change.manager, change.time) == ("kubectl-edit", "2026-11-05T10:00:00Z")
    assert report.managers == ("kubectl-edit",)


@pytest.mark.parametrize("metadata", [{"name": "web"}, {"name": "web", "managedFields": None}])
def test_an_edit_of_an_object_whose_owners_are_not_known_names_no_manager(metadata: Object) -> None:
    live = {**stored(CONFIG), "data": {**CONFIG["data"], "a": "evil"}, "metadata": metadata}

    managers = {change.path: change.manager for change in describe(Manifest.of(CONFIG), live).changes}

    assert managers["/data/a"] == ""


def test_the_last_of_two_writers_is_named() -> None:
    live = stored(CONFIG)
    live["data"]["a"] = "evil"
    live["metadata"]["managedFields"][0]["fieldsV1"].pop("f:data")
    for manager, minute in (("first", 10), ("last", 30), ("between", 20)):
        time = f"2026-11-05T10:{minute}:00Z"
        entry = {"manager": manager, "operation": "Update", "time": time, "fieldsV1": {"f:data": {"f:a": {}}}}
        live["metadata"]["managedFields"].append(entry)

    assert [change.manager for change in describe(Manifest.of(CONFIG), live).changes] == ["last"]


def test_a_field_that_another_manager_respelled_is_reported() -> None:
    declared = {"apiVersion": "t.dev/v1", "kind": "T", "metadata": {"name": "web"}, "spec": {"interval": "60s", "stays": "1"}}
    live = stored(declared)
    live["spec"]["interval"] = "1m"
    live["metadata"]["managedFields"][0]["fieldsV1"]["f:spec"].pop("f:interval")
    report = describe(Manifest.of(declared), live)
    assert [(change.field, change.declared, change.found) for change in report.changes] == [("spec.interval", "60s", "1m")]


def test_a_value_that_only_the_server_respelled_is_no_drift() -> None:
    declared = {"apiVersion": "t.dev/v1", "kind": "T", "metadata": {"name": "web"}, "spec": {"interval": "60s", "stays": "1"}}
    live = stored(declared)
    live["spec"]["interval"] = "1m"

    assert describe(Manifest.of(declared), live) == DriftReport()


def test_a_declared_field_that_is_gone_is_reported_though_it_was_ours() -> None:
    live = stored(CONFIG)
    del live["data"]

    assert [(change.path, change.found) for change in describe(Manifest.of(CONFIG), live).changes] == [("/data", ABSENT)]


def test_an_empty_field_that_the_server_dropped_is_no_drift() -> None:
    declared = {"apiVersion": "t.dev/v1", "kind": "T", "metadata": {"name": "web"}, "spec": {"stays": "1"}}
    empty = {**declared, "spec": {"list": [], "stays": "1"}}

    assert describe(Manifest.of(empty), stored(declared)) == DriftReport()


def test_what_declared_fields_would_change_is_known_without_their_writers() -> None:
    changed = {**CONFIG, "data": {**CONFIG["data"], "level": "debug"}, "immutable": False}

    changes = declared_changes(Manifest.of(changed), stored(CONFIG))

    assert [(each.path, each.new) for each in changes if each.path == "/data/level"] == [("/data/level", "debug")]
    assert declared_changes(Manifest.of(CONFIG), stored(CONFIG)) == ()


def test_more_than_fifty_changes_are_counted() -> None:
    declared = thing("ConfigMap", "web", data={f"k{number}": "1" for number in range(60)} | {"stays": "1"})
    live = stored(declared)
    live["data"] = {"stays": "1"}
    live["metadata"]["managedFields"][0]["fieldsV1"]["f:data"] = {"f:stays": {}}
    report = describe(Manifest.of(declared), live)
    assert (len(report.changes), report.more) == (50, 10)
    assert str(report).endswith("; and 57 more")


@pytest.mark.parametrize(
    ("path", "declared", "live_value", "words"),
    [
        ("/data/url", "hunter22", "hunter33", "data.url: was changed by kubectl"),
        ("/data/url", ABSENT, "hunter33", "data.url: was added by kubectl"),
        ("/data", {"a": "hunter22"}, ABSENT, "data: was removed by kubectl"),
        (
            "/spec/template/spec/containers/[name=web]/env/[name=DSN]/value",
            "hunter22",
            "hunter33",
            "spec.template.spec.containers[web].env[DSN].value: was changed by kubectl",
        ),
        ("/spec/containers/[name=x]", ABSENT, {"env": [{"value": "hunter22"}]}, "spec.containers[x]: was added by kubectl"),
        ("/spec/password", "hunter22", "hunter33", "spec.password: *** became *** by kubectl"),
        ("/spec/url", "https://a:hunter22@b", ABSENT, "spec.url: https://***@b became nothing by kubectl"),
        ("/spec/replicas", 3, 5, "spec.replicas: 3 became 5 by kubectl"),
    ],
)
def test_texts_do_not_quote_what_may_be_a_credential(path: str, declared: Any, live_value: Any, words: str) -> None:
    assert str(FieldDrift(path=path, declared=declared, found=live_value, manager="kubectl")) == words


@pytest.mark.cluster
@pytest.mark.parametrize(
    ("patch", "path", "declared", "live_value"),
    [
        ({"spec": {"replicas": 1}}, "/spec/replicas", 0, 1),
        ({"metadata": {"labels": {"team": None}}}, "/metadata/labels/team", "ours", ABSENT),
        ({"metadata": {"labels": {"by-hand": "x"}}}, "/metadata/labels/by-hand", ABSENT, "x"),
        (
            {"spec": {"template": {"spec": {"nodeSelector": {"a": "b"}}}}},
            "/spec/template/spec/nodeSelector",
            ABSENT,
            {"a": "b"},
        ),
    ],
)
def test_on_a_real_object_exactly_what_was_edited_is_reported(
    patch: Object, path: str, declared: Any, live_value: Any, stage: ClusterEnv
) -> None:
    wanted = deployment()
    wanted["metadata"]["labels"] = {"team": "ours"}
    container = wanted["spec"]["template"]["spec"]["containers"][0]
    container |= {"resources": {"limits": {"cpu": "1000m"}}, "env": [], "args": []}
    container["env"] = [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]
    stage.sync(wanted)
    key = stage.key("Deployment", "web", "apps")
    live = stage.objects.merge_patch(key, patch, field_manager="kubectl-edit")
    (manifest,) = stage.desired(wanted).manifests
    report = describe(manifest, live)
    (change,) = report.changes
    assert (change.path, change.declared, change.found) == (path, declared, live_value)
    assert change.manager == ("" if live_value is ABSENT else "kubectl-edit")


@pytest.mark.cluster
def test_the_drift_of_a_secret_never_shows_a_value(stage: ClusterEnv) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "from-git-1234"}}
    stage.sync(secret)
    key = ObjectKey("", "Secret", stage.namespace, "db")
    live = stage.objects.merge_patch(key, {"data": {"password": encoded("by-hand-5678")}}, field_manager="kubectl-edit")
    (manifest,) = stage.desired(secret).manifests
    report = describe(manifest, live)
    assert [change.path for change in report.changes] == ["/data/password"]
    assert report.changes[0].declared != report.changes[0].found
    text = repr(report) + str(report)
    for value in ("from-git-1234", "by-hand-5678"):
        assert value not in text
        assert encoded(value) not in text


@pytest.mark.cluster
def test_evidence_kept_by_the_live_state_is_enough_for_a_report(stage: ClusterEnv) -> None:
    stage.sync(config())
    key = stage.key("ConfigMap", "web")
    stage.objects.merge_patch(key, {"data": {"a": "evil"}}, field_manager="kubectl-edit")
    stage.look(key)
    obj = stage.live.get(key)
    assert obj is not None
    (manifest,) = stage.desired(config()).manifests
    assert [change.path for change in describe(manifest, obj.evidence).changes] == ["/data/a"]
