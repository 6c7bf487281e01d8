"""Watches against the real API server never lose an event."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import Timing, Watch, WatchOptions
from gitops_agent.errors import CannotSee
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.cluster.crds import install, new_group, remove, widget, widget_crd
from tests.cluster.watch_recorder import WatchRecorder
from tests.waiting import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.cluster

Make = Callable[..., Object]
QUICK = Timing(server_seconds=2, first_wait_seconds=0.05, longest_wait_seconds=0.5, grace_seconds=1)


@contextmanager
def watching(
    transport: Transport, resource: Resource, recorder: WatchRecorder, *, discovery: Discovery | None = None, **options: Any
) -> Iterator[Watch]:
    watch = Watch(
        transport,
        resource,
        recorder,
        options=WatchOptions(**{"timing": QUICK, **options}),
        discovery=discovery,
    )
    watch.start()
    try:
        yield watch
    finally:
        watch.stop()


def versions(objects: dict[str, Object]) -> dict[str, str]:
    return {name: obj["metadata"]["resourceVersion"] for name, obj in objects.items()}


def test_nothing_is_lost_between_a_list_and_its_watch_nor_between_two_watches(
    transport: Transport, objects: Objects, namespace: str, configmap: Make
) -> None:
    resource = objects.discovery.find("", "ConfigMap")
    heards = [WatchRecorder() for _ in range(4)]

    def write(part: int) -> None:
        for index in range(60):
            name = f"c{part}-{index % 20}"
            applied = objects.apply(configmap(name, {"round": str(index)}, part="race"))
            if index % 7 == 0:
                objects.delete(ObjectKey.of(applied), uid=applied["metadata"]["uid"], propagation="Background")

    writers = [threading.Thread(target=write, args=(part,)) for part in range(3)]
    options: dict[str, Any] = {"namespace": namespace, "label_selector": "part=race"}
    with (
        watching(transport, resource, heards[0], **options),
        watching(transport, resource, heards[1], **options),
    ):
        for writer in writers:
            writer.start()
        with watching(transport, resource, heards[2], **options) as late:
            assert late.synced.wait(LIMIT_SECONDS)
            with watching(transport, resource, heards[3], **options):
                for writer in writers:
                    writer.join()
                whole = objects.list(resource, namespace=namespace, label_selector="part=race")
                expected = versions({item["metadata"]["name"]: item for item in whole.items})
                for recorder in heards:
                    eventually(lambda recorder=recorder: versions(recorder.known) == expected)  # type: ignore[misc]

    assert all(recorder.errors == [] for recorder in heards)
    assert all(len(recorder.syncs) == 1 for recorder in heards)


def test_an_object_that_loses_the_label_is_deleted_for_the_watcher(
    transport: Transport, objects: Objects, namespace: str, configmap: Make
) -> None:
    made, recorder = objects.apply(configmap(part="x")), WatchRecorder()
    with watching(
        transport,
        objects.discovery.find("", "ConfigMap"),
        recorder,
        namespace=namespace,
        label_selector="part=x",
        timing=Timing(),
    ) as watch:
        assert watch.synced.wait(LIMIT_SECONDS)
        objects.merge_patch(ObjectKey.of(made), {"metadata": {"labels": {"part": None}}})
        eventually(lambda: len(recorder.said) == 2)

    assert recorder.said == [("sync", ["settings"]), ("DELETED", "settings")]


def test_a_kind_that_is_deleted_while_it_is_watched_has_no_objects_and_can_come_back(
    transport: Transport, objects: Objects, discovery: Discovery, namespace: str
) -> None:
    group, recorder = new_group(), WatchRecorder()
    resource = install(objects, discovery, group)
    objects.apply(widget(group, namespace))
    try:
        with watching(transport, resource, recorder, discovery=discovery):
            eventually(lambda: recorder.known)
            remove(objects, group)
            eventually(lambda: recorder.syncs[-1] == [])
            install(objects, discovery, group)
            objects.apply(widget(group, namespace, "two"))
            eventually(lambda: set(recorder.known) == {"two"})
    finally:
        remove(objects, group)

    assert ("DELETED", "one") in recorder.said


def test_a_version_that_is_no_longer_served_is_followed_to_the_next(
    transport: Transport, objects: Objects, discovery: Discovery, namespace: str
) -> None:
    group, recorder = new_group(), WatchRecorder()
    install(objects, discovery, group, ("v2", "v1"))
    discovery.invalidate(group)
    old = eventually(lambda: discovery.find(group, "Widget", "v1"))
    objects.apply(widget(group, namespace, version="v2"))
    try:
        with watching(transport, old, recorder, discovery=discovery) as watch:
            eventually(lambda: recorder.known)
            definition = widget_crd(group, ("v2", "v1"))
            definition["spec"]["versions"][1]["served"] = False
            objects.apply(definition)
            eventually(lambda: watch.resource.version == "v2" and recorder.known["one"]["apiVersion"] == f"{group}/v2")
            objects.apply(widget(group, namespace, "two", version="v2"))
            eventually(lambda: set(recorder.known) == {"one", "two"})
    finally:
        remove(objects, group)


def test_a_permission_that_is_taken_away_and_given_back(
    control_plane: ControlPlane, transport: Transport, objects: Objects, namespace: str, configmap: Make
) -> None:
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list", "watch"]}
    meta = {"name": "reader", "namespace": namespace}
    rbac = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": meta, "rules": [rule]}
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
    }
    objects.apply(role)
    reader = Transport.from_kubeconfig(control_plane.service_account_kubeconfig(namespace, "default"))
    recorder = WatchRecorder()
    with watching(
        reader, objects.discovery.find("", "ConfigMap"), recorder, namespace=namespace, label_selector="part=x"
    ) as watch:
        eventually(lambda: recorder.errors)
        bound = objects.apply(binding)
        assert watch.synced.wait(20)
        objects.delete(ObjectKey.of(bound), uid=bound["metadata"]["uid"], propagation="Background")
        eventually(lambda: len(recorder.errors) >= 2)
        objects.apply(configmap("while-blind", part="x"))
        objects.apply(binding)
        eventually(lambda: "while-blind" in recorder.known)

    assert all(isinstance(error, CannotSee) for error in recorder.errors)
    assert all(names in ([], ["while-blind"]) for names in recorder.syncs)


@pytest.mark.faults
def test_an_api_server_that_is_killed_and_started_again_loses_nothing(own_plane: ControlPlane) -> None:
    transport = Transport.from_kubeconfig(own_plane.kubeconfig)
    objects = Objects(transport, Discovery(transport))
    recorder, resource = WatchRecorder(), objects.discovery.find("", "ConfigMap")
    patient = Timing(first_wait_seconds=0.05, longest_wait_seconds=0.5, grace_seconds=120)

    def configmap(name: str) -> Object:
        meta = {"name": name, "namespace": "default", "labels": {"part": "x"}}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": "b"}}

    kept, doomed = objects.apply(configmap("kept")), objects.apply(configmap("doomed"))
    with watching(transport, resource, recorder, label_selector="part=x", timing=patient):
        eventually(lambda: set(recorder.known) == {"kept", "doomed"})
        for number in range(2):
            own_plane.restart("kube-apiserver")
            eventually(lambda number=number: objects.apply(configmap(f"new-{number}")))  # type: ignore[misc]
            eventually(lambda number=number: f"new-{number}" in recorder.known)  # type: ignore[misc]
        objects.delete(ObjectKey.of(doomed), uid=doomed["metadata"]["uid"], propagation="Background")
        eventually(lambda: "doomed" not in recorder.known)

    assert recorder.errors == []
    assert all({"kept", "doomed"} <= set(names) for names in recorder.syncs)
    assert set(recorder.known) == {"kept", "new-0", "new-1"}
    assert recorder.known["kept"]["metadata"]["uid"] == kept["metadata"]["uid"]
    transport.close()
