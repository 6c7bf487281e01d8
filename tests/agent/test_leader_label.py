from __future__ import annotations

import pytest

from gitops_agent.agent.leader_label import LABEL, LeaderLabel
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import Object, ObjectKey


def labels(objects: Objects, key: ObjectKey) -> Object:
    return objects.get(key)["metadata"].get("labels") or {}


@pytest.mark.cluster
def test_the_pod_of_the_leader_has_a_label_until_it_leads_no_more(objects: Objects, namespace: str) -> None:
    key = ObjectKey("", "Pod", namespace, "agent")
    spec = {"containers": [{"name": "agent", "image": "example.com/agent"}], "nodeName": "absent"}
    objects.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "agent", "namespace": namespace}, "spec": spec})
    label = LeaderLabel(objects, namespace, "agent")

    label.start()
    assert labels(objects, key)[LABEL] == "true"
    label.stop()
    assert LABEL not in labels(objects, key)


def test_outside_a_pod_nothing_is_labelled(nowhere: Transport) -> None:
    label = LeaderLabel(Objects(nowhere, Discovery(nowhere)), "gitops-system", "")

    label.start()
    label.stop()


@pytest.mark.cluster
def test_a_pod_that_cannot_be_labelled_stops_no_leader(objects: Objects, namespace: str) -> None:
    LeaderLabel(objects, namespace, "absent").start()
