"""Assumptions about deletion, selectors and metadata lists, checked against reality."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import Conflict, NotFound
from gitops_agent.manifest.key import Object, ObjectKey
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

Make = Callable[..., Object]


def owned_by(obj: Object, owner: Object, *, blocking: bool) -> Object:
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": blocking,
    }
    return {**obj, "metadata": {**obj["metadata"], "ownerReferences": [reference]}}


def missing(objects: Objects, key: ObjectKey) -> bool:
    try:
        objects.get(key)
    except NotFound:
        return True
    return False


def test_a_deletion_with_another_uid_is_a_conflict(objects: Objects, configmap: Make) -> None:
    applied = objects.apply(configmap())
    with pytest.raises(Conflict) as caught:
        objects.delete(ObjectKey.of(applied), uid="11111111-1111-1111-1111-111111111111")

    assert (caught.value.status, caught.value.code) == (409, "Conflict")


def test_a_foreground_deletion_waits_for_the_dependents(objects: Objects, configmap: Make) -> None:
    owner = objects.apply(configmap("owner"))
    held = owned_by(configmap("dependent"), owner, blocking=True)
    held["metadata"]["finalizers"] = ["example.com/hold"]
    dependent = ObjectKey.of(objects.apply(held))
    objects.delete(ObjectKey.of(owner), uid=owner["metadata"]["uid"])
    eventually(lambda: "deletionTimestamp" in objects.get(dependent)["metadata"])

    assert "foregroundDeletion" in objects.get(ObjectKey.of(owner))["metadata"]["finalizers"]
    objects.merge_patch(dependent, {"metadata": {"finalizers": None}})
    eventually(lambda: missing(objects, dependent) and missing(objects, ObjectKey.of(owner)))


def test_an_orphaning_deletion_leaves_the_dependents(objects: Objects, configmap: Make) -> None:
    owner = objects.apply(configmap("owner"))
    dependent = ObjectKey.of(objects.apply(owned_by(configmap("dependent"), owner, blocking=False)))
    objects.delete(ObjectKey.of(owner), uid=owner["metadata"]["uid"], propagation="Orphan")
    eventually(lambda: missing(objects, ObjectKey.of(owner)))

    assert "ownerReferences" not in objects.get(dependent)["metadata"]


def test_a_watch_by_label_says_deleted_when_the_label_goes(
    transport: Transport, objects: Objects, namespace: str, configmap: Make
) -> None:
    applied = objects.apply(configmap(part="x"))
    query = {"watch": "true", "labelSelector": "part=x", "resourceVersion": applied["metadata"]["resourceVersion"]}
    with transport.stream(f"/api/v1/namespaces/{namespace}/configmaps", query, read_timeout=60) as lines:
        objects.merge_patch(ObjectKey.of(applied), {"metadata": {"labels": {"part": None}}})
        event = next(iter(lines))

    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "settings")
    assert not missing(objects, ObjectKey.of(applied))


def test_a_metadata_list_has_no_content_but_all_marks(objects: Objects, namespace: str, configmap: Make) -> None:
    objects.apply(configmap(part="x"))
    resource = objects.discovery.find("", "ConfigMap")
    item = objects.list(resource, namespace=namespace, label_selector="part=x", metadata_only=True).items[0]

    assert set(item) == {"apiVersion", "kind", "metadata"}
    assert (item["kind"], item["metadata"]["labels"]) == ("ConfigMap", {"part": "x"})
    assert item["metadata"]["managedFields"][0]["manager"] == "gitops-agent"


def test_a_bookmark_carries_a_place_and_no_object(transport: Transport) -> None:
    place = transport.request("GET", "/api/v1/configmaps")["metadata"]["resourceVersion"]
    query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": "8", "resourceVersion": place}

    def bookmarks() -> list[Object]:
        with transport.stream("/api/v1/configmaps", query, read_timeout=20) as lines:
            return [line["object"] for line in lines if line["type"] == "BOOKMARK"]

    last = eventually(bookmarks)[-1]

    assert int(last["metadata"]["resourceVersion"]) >= int(place)
    assert "data" not in last
