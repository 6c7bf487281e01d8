from __future__ import annotations

from gitops_agent.agent.stores.stores import build_stores
from gitops_agent.agent.work_queue import WorkQueue
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.transport import Transport
from gitops_agent.manifest.key import AppKey
from tests.agent.samples import application_object, key


def test_stores_are_made_without_asking_the_cluster_and_feed_the_queue(nowhere: Transport) -> None:
    queue: WorkQueue[AppKey] = WorkQueue()
    stores = build_stores(Objects(nowhere, Discovery(nowhere)), queue, namespace="gitops-system")

    stores.applications.put(application_object("shop"))

    item = queue.take(0)
    assert item is not None
    assert item.key == key("shop")
    assert nowhere.count == {}
    assert (stores.live.complete, stores.endpoints.listed) == (False, False)


def test_an_application_of_another_namespace_may_exist_though_it_is_not_seen(nowhere: Transport) -> None:
    stores = build_stores(Objects(nowhere, Discovery(nowhere)), WorkQueue(), namespace="gitops-system")

    assert stores.applications.may_exist(key("shop", "elsewhere"))
    assert not stores.applications.may_exist(key("shop"))
