"""Notifiers on the real API server, and workers per test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from gitops_agent.api.crd import crds
from gitops_agent.api.notifier import Notifier, parse
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.secrets import SecretContent
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import NotFound
from gitops_agent.httpclient.allowed_hosts import ANYWHERE
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.notify.delivery_worker import RetryPolicy
from gitops_agent.notify.dispatcher import NotificationDispatcher
from gitops_agent.sandbox.controlplane import ControlPlane
from tests.waiting import eventually

QUICK = RetryPolicy(timeout_seconds=2.0, first_seconds=0.02, longest_seconds=0.1, give_up=timedelta(days=10_000))


@pytest.fixture(scope="session")
def objects(control_plane: ControlPlane) -> Iterator[Objects]:
    """The control plane with the Notifier's CRD."""
    transport = Transport.from_kubeconfig(control_plane.kubeconfig)
    objects = Objects(transport, Discovery(transport))
    for crd in crds():
        key = ObjectKey.of(objects.apply(crd))

        def established(key: ObjectKey = key) -> bool:
            conditions = objects.get(key).get("status", {}).get("conditions", [])
            return any(entry["type"] == "Established" and entry["status"] == "True" for entry in conditions)

        eventually(established)
    objects.discovery.invalidate("gitops-agent.dev")
    yield objects
    transport.close()


class Safe(dict[str, Mapping[str, bytes]]):
    """The Secrets of one namespace, which may be sent to `hosts`."""

    def __init__(self, namespace: str) -> None:
        super().__init__()
        self._namespace = namespace
        self.hosts = ANYWHERE

    def read(self, namespace: str, name: str) -> SecretContent:
        assert namespace == self._namespace
        if name not in self:
            raise NotFound(f"no Secret {name}")
        return SecretContent(data=self[name], hosts=self.hosts)


class Desk:
    """The Notifiers of one namespace."""

    def __init__(self, objects: Objects, namespace: str) -> None:
        self.objects = objects
        self.namespace = namespace
        self.secrets = Safe(namespace)
        self._open: list[NotificationDispatcher] = []

    def key(self, name: str = "hook") -> ObjectKey:
        return ObjectKey("gitops-agent.dev", "Notifier", self.namespace, name)

    def make(self, name: str = "hook", **spec: Any) -> Notifier:
        """A Notifier, as the watch gives it."""
        metadata = {"name": name, "namespace": self.namespace}
        body = {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Notifier", "metadata": metadata}
        spec = {"provider": "webhook", "address": "http://127.0.0.1:9/"} | spec
        spec = {field: value for field, value in spec.items() if value is not None}
        eventually(lambda: self.objects.apply(body | {"spec": spec}), what="a Notifier")
        return self.read(name)

    def read(self, name: str = "hook") -> Notifier:
        return parse(self.objects.get(self.key(name)))

    def delete(self, notifier: Notifier) -> None:
        """Deletes a Notifier and waits until it is gone."""
        self.objects.delete(self.key(notifier.key.name), uid=notifier.uid, propagation="Background")

        def gone() -> bool:
            try:
                return self.read(notifier.key.name).uid != notifier.uid
            except NotFound:
                return True

        eventually(gone)

    def status(self, name: str = "hook") -> Object:
        return self.objects.get(self.key(name)).get("status") or {}

    def ready(self, name: str = "hook") -> Object:
        """The condition Ready, empty before there is one."""
        return next((entry for entry in self.status(name).get("conditions") or [] if entry["type"] == "Ready"), {})

    def notifications(self, *notifiers: Notifier, start: bool = True, **options: Any) -> NotificationDispatcher:
        """The room as an agent has it; ended with the test."""
        room = NotificationDispatcher(self.objects, self.secrets, **{"retry": QUICK} | options)
        self._open.append(room)
        for notifier in notifiers:
            room.set_notifier(notifier)
        if start:
            room.start()
        return room

    def close(self) -> None:
        for room in self._open:
            room.stop(0.2)


@pytest.fixture
def desk(objects: Objects, namespace: str) -> Iterator[Desk]:
    desk = Desk(objects, namespace)
    yield desk
    desk.close()


@pytest.fixture
def waiting_for(desk: Desk) -> Callable[[int], list[Object]]:
    """Waits until so many messages are pending in the status."""

    def wait(count: int) -> list[Object]:
        eventually(lambda: len(desk.status().get("pending") or []) == count, what=f"{count} pending")
        return list(desk.status().get("pending") or [])

    return wait
