from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable, UnknownKind
from gitops_agent.manifest.key import Object, ObjectKey
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

Make = Callable[..., Object]


def test_what_was_applied_can_be_read(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap(data={"a": "1"}))
    obj = objects.get(ObjectKey.of(applied))

    assert obj["data"] == {"a": "1"}
    assert obj["metadata"]["uid"] == applied["metadata"]["uid"]


def test_metadata_alone_can_be_read(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap())
    obj = objects.get(ObjectKey.of(applied), metadata_only=True)

    assert (obj["kind"], obj["apiVersion"], "data" in obj) == ("ConfigMap", "v1", False)


def test_an_object_that_is_not_there_is_not_found(objects: Objects, namespace: str) -> None:
    with pytest.raises(NotFound) as caught:
        objects.get(ObjectKey("", "ConfigMap", namespace, "nobody"))

    assert caught.value.code == "NotFound"


def test_a_missing_namespace_is_named_as_such(objects: Objects, configmap: Make) -> None:
    homeless = configmap()
    homeless["metadata"]["namespace"] = "nowhere-at-all"
    with pytest.raises(NotFound) as caught:
        objects.apply(homeless)

    assert caught.value.code == "NamespaceNotFound"


def test_an_unserved_kind_is_unknown(objects: Objects) -> None:
    with pytest.raises(UnknownKind):
        objects.apply({"apiVersion": "example.com/v1", "kind": "Nothing", "metadata": {"name": "a"}})


def test_an_object_without_its_namespace_or_name_is_invalid_before_it_is_sent(objects: Objects) -> None:
    for metadata in ({"name": "a"}, {"namespace": "default"}):
        with pytest.raises(Invalid):
            objects.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})
    with pytest.raises(Invalid):
        objects.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})


def test_creating_what_is_there_already_is_a_conflict(objects: Objects, configmap: Make) -> None:
    objects.create(configmap())
    with pytest.raises(Conflict) as caught:
        objects.create(configmap())

    assert caught.value.code == "AlreadyExists"


def test_deleting_needs_a_uid(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap())
    with pytest.raises(Invalid):
        objects.delete(ObjectKey.of(applied), uid="")

    assert objects.get(ObjectKey.of(applied))


def test_an_object_that_was_replaced_is_not_deleted(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap())
    with pytest.raises(Conflict):
        objects.delete(ObjectKey.of(applied), uid="00000000-0000-0000-0000-000000000000")

    assert objects.get(ObjectKey.of(applied))["metadata"]["uid"] == applied["metadata"]["uid"]


def test_a_deleted_object_goes_away(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap())
    objects.delete(ObjectKey.of(applied), uid=applied["metadata"]["uid"])

    def gone() -> bool:
        try:
            objects.get(ObjectKey.of(applied))
        except NotFound:
            return True
        return False

    eventually(gone)


def test_a_dry_run_of_a_deletion_deletes_nothing(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap())
    objects.delete(ObjectKey.of(applied), uid=applied["metadata"]["uid"], dry_run=True)

    assert "deletionTimestamp" not in objects.get(ObjectKey.of(applied))["metadata"]


def test_a_merge_patch_removes_what_is_none(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap(data={"a": "1", "b": "2"}))
    patched = objects.merge_patch(ObjectKey.of(applied), {"data": {"a": None}})

    assert patched["data"] == {"b": "2"}


def test_a_merge_patch_with_an_old_resource_version_is_a_conflict(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap())
    objects.merge_patch(ObjectKey.of(applied), {"data": {"a": "2"}})
    with pytest.raises(Conflict):
        objects.merge_patch(
            ObjectKey.of(applied), {"metadata": {"resourceVersion": applied["metadata"]["resourceVersion"]}, "data": {"a": "3"}}
        )


def test_a_json_patch_whose_test_fails_changes_nothing(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap(data={"a": "1"}))
    ops = [{"op": "test", "path": "/data/a", "value": "other"}, {"op": "remove", "path": "/data/a"}]
    with pytest.raises(Invalid):
        objects.json_patch(ObjectKey.of(applied), ops)

    assert objects.get(ObjectKey.of(applied))["data"] == {"a": "1"}


def test_a_json_patch_is_not_taken_for_a_merge(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap(data={"a": "1", "b": "2"}))
    patched = objects.json_patch(ObjectKey.of(applied), [{"op": "remove", "path": "/data/a"}])

    assert patched["data"] == {"b": "2"}


def test_a_status_is_patched_through_its_subresource(objects: Objects, namespace: str) -> None:
    applied = objects.apply(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "one", "namespace": namespace},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}},
        }
    )
    patched = objects.merge_patch(
        ObjectKey.of(applied), {"status": {"disruptedPods": {"x": "2026-01-01T00:00:00Z"}}}, subresource="status"
    )

    assert patched["status"]["disruptedPods"] == {"x": "2026-01-01T00:00:00Z"}


def test_a_list_names_kind_and_version_of_every_item(objects: Objects, namespace: str, configmap: Make) -> None:
    objects.apply(configmap(part="list"))
    resource = objects.discovery.find("", "ConfigMap")
    listing = objects.list(resource, namespace=namespace, label_selector="part=list")

    assert [(item["apiVersion"], item["kind"]) for item in listing.items] == [("v1", "ConfigMap")]


def test_reading_as_a_user_without_permission_is_forbidden(objects: Objects, namespace: str, configmap: Make) -> None:
    applied = objects.apply(configmap())
    with pytest.raises(Forbidden) as caught:
        objects.get(ObjectKey.of(applied), as_user=f"system:serviceaccount:{namespace}:default")

    assert f"system:serviceaccount:{namespace}:default" in str(caught.value)


def test_a_quota_that_is_used_up_says_so(objects: Objects, namespace: str, configmap: Make) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "small", "namespace": namespace},
        "spec": {"hard": {"count/configmaps": "0"}},
    }
    key = ObjectKey.of(objects.apply(quota))
    eventually(lambda: "hard" in objects.get(key).get("status", {}))

    def refused() -> str:
        try:
            objects.apply(configmap("one-too-many"), dry_run=True)
        except Forbidden as error:
            return error.code
        return ""

    assert eventually(refused) == "QuotaExceeded"


def test_an_admission_webhook_that_is_down_is_unavailable_and_named(objects: Objects, namespace: str) -> None:
    hook = {
        "name": "down.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 2,
        "clientConfig": {"url": "https://127.0.0.1:1/validate"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets", "services"]}],
    }
    webhooks = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": f"down-{namespace}"},
        "webhooks": [hook],
    }
    applied = objects.apply(webhooks)
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "a", "namespace": namespace},
        "stringData": {"k": "hunter2"},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a", "namespace": namespace},
        "spec": {"ports": [{"port": 80}]},
    }

    def refusal_of(obj: Object) -> Unavailable | None:
        try:
            objects.apply(obj, dry_run=True)
        except Unavailable as error:
            return error
        return None

    try:
        for obj in (secret, service):
            error = eventually(lambda obj=obj: refusal_of(obj))  # type: ignore[misc]

            assert error is not None
            assert (error.code, error.transient) == ("WebhookUnavailable", True)
            assert "down.example.com" in str(error)
            assert "hunter2" not in str(error)
    finally:
        objects.delete(ObjectKey.of(applied), uid=applied["metadata"]["uid"])


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"data": {"password": "hunter2!"}}, "a value of data is not base64"),
        ({"data": {"password": 123456}}, "data.password"),
        ({"stringData": {"password": {"nested": "hunter2!"}}}, "stringData.password"),
        ({"data": ["hunter2!"]}, "data"),
        (
            {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "hunter2!"}},
            "data[.dockerconfigjson]",
        ),
        ({"stringdata": {"password": "hunter2!"}}, "SchemaViolation"),
    ],
)
def test_a_secret_the_server_refuses_is_never_quoted(objects: Objects, namespace: str, change: Object, place: str) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": namespace}} | change
    for send in (objects.apply, objects.create):
        with pytest.raises(Invalid) as caught:
            send(secret)
        reported = f"{caught.value} {caught.value.details} {caught.value.facts}"

        assert "hunter2" not in reported
        assert "123456" not in reported
        assert send == objects.create or place in reported


def test_an_object_too_large_is_invalid(objects: Objects, configmap: Make) -> None:
    for size in (1_100_000, 4_000_000):
        with pytest.raises(Invalid):
            objects.apply(configmap(data={"a": "x" * size}))


def test_a_custom_resource_too_large_for_the_store_is_invalid(objects: Objects, namespace: str) -> None:
    lease = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": "big", "namespace": namespace},
        "revision": 1,
        "data": {"a": "x" * 1_800_000},
    }
    with pytest.raises(Invalid) as caught:
        objects.apply(lease)

    assert caught.value.code == "RequestEntityTooLarge"
