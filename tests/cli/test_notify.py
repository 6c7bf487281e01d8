from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from gitops_agent.agent.stores.notifiers import NotifierStore
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.informer import Informer
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.cluster.watch import WatchOptions
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import NOTIFIER
from gitops_agent.manifest.marks import TEST_REQUESTED
from gitops_agent.notify.dispatcher import NotificationDispatcher
from tests.cli.cluster_env import ClusterEnv, condition
from tests.cli.conftest import Run
from tests.notify.builders import SecretData
from tests.notify.conftest import QUICK
from tests.notify.receiver import Receiver
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


def notifier(stage: ClusterEnv, address: str = "http://127.0.0.1:1/hook") -> None:
    spec = {"provider": "webhook", "address": address}
    body = {"apiVersion": "gitops-agent.dev/v1alpha1", "kind": "Notifier", "metadata": {"name": "chat"}, "spec": spec}
    stage.plane.request("POST", stage.path("notifiers"), body)


def status(stage: ClusterEnv, value: Object) -> None:
    path = stage.path("notifiers", "chat") + "/status"
    stage.plane.request("PATCH", path, {"status": value}, content_type="application/merge-patch+json")


@pytest.fixture
def delivering(stage: ClusterEnv) -> Iterator[None]:
    """What an agent does with the Notifiers of the namespace."""
    transport = Transport.from_kubeconfig(stage.plane.kubeconfig)
    objects = Objects(transport, Discovery(transport))
    dispatcher = NotificationDispatcher(objects, SecretData(), retry=replace(QUICK, timeout_seconds=1.0))
    informer = Informer(objects, NOTIFIER, NotifierStore(objects, dispatcher), options=WatchOptions(namespace=stage.namespace))
    informer.start()
    dispatcher.start()
    eventually(lambda: informer.synced(1.0))
    yield
    informer.stop()
    dispatcher.stop(0.2)
    transport.close()


@pytest.mark.usefixtures("delivering")
def test_a_test_message_arrives(stage: ClusterEnv, run: Run) -> None:
    with Receiver() as receiver:
        notifier(stage, receiver.url)

        result = run("notify", "test", "chat")

    assert (result.code, result.stdout) == (0, "notifier/chat delivered: the receiver took the message\n")
    assert [request.json["event"] for request in receiver.told] == ["Test"]


@pytest.mark.usefixtures("delivering")
def test_what_the_receiver_answers_is_the_error(stage: ClusterEnv, run: Run) -> None:
    with Receiver(lambda _, handler: handler.answer(410, b"gone")) as receiver:
        notifier(stage, receiver.url)

        result = run("notify", "test", "chat")

    assert result.code == 1
    assert result.stderr == "error: the receiver answered 410: gone (DeliveryFailed)\n"


def test_without_an_agent_there_is_no_answer(stage: ClusterEnv, run: Run) -> None:
    notifier(stage)

    result = run("notify", "test", "chat", "--timeout", "1s")

    assert result.code == 3
    assert "no answer within 1s (no agent runs: " in result.stderr


def test_an_invalid_notifier_is_not_tried(stage: ClusterEnv, run: Run) -> None:
    notifier(stage)
    stalled = condition("Stalled", "True", "InvalidSpec", "spec.applications: no label") | {"observedGeneration": 1}
    status(stage, {"conditions": [stalled]})

    result = run("notify", "test", "chat")

    assert (result.code, result.stderr) == (1, "error: spec.applications: no label (InvalidSpec)\n")
    assert TEST_REQUESTED not in (
        stage.plane.request("GET", stage.path("notifiers", "chat"))["metadata"].get("annotations") or {}
    )
