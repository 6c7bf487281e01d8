from __future__ import annotations

import pytest

from gitops_agent.agent.stores.applications import ApplicationStore
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.parse import SpecInvalid
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.marks import APPROVED, REQUESTED
from tests.agent.samples import application_object, key

SHOP, DESK = key("shop"), key("desk")


class Said:
    """What was put on the queue."""

    def __init__(self) -> None:
        self.calls: list[tuple[AppKey, str, Priority]] = []

    def __call__(self, application: AppKey, why: str, priority: Priority) -> None:
        self.calls.append((application, why, priority))

    def new(self) -> list[tuple[AppKey, str, Priority]]:
        """The wakes since the last call."""
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def applications(said: Said) -> ApplicationStore:
    """A store that has one application."""
    applications = ApplicationStore(said)
    applications.put(application_object("shop"))
    said.new()
    return applications


def changed(obj: Object, **metadata: object) -> Object:
    """A newer version of the object with other metadata."""
    result = copy(obj)
    result["metadata"] |= {"resourceVersion": "2", **metadata}
    return result


def test_a_new_application_is_reconciled(said: Said) -> None:
    ApplicationStore(said).put(application_object("shop"))

    assert said.new() == [(SHOP, "the Application changed", Priority.COMMIT)]


def test_a_status_write_of_our_own_puts_nothing_on_the_queue(applications: ApplicationStore, said: Said) -> None:
    written = changed(application_object("shop"), managedFields=[{"manager": "gitops-agent"}])
    written["status"] = {"observedGeneration": 1}
    applications.expect_status(key("shop"), written["status"])

    applications.put(written)

    assert said.new() == []


def test_a_status_that_another_process_wrote_puts_the_application_on_the_queue(
    applications: ApplicationStore, said: Said
) -> None:
    written = changed(application_object("shop"))
    written["status"] = {"observedGeneration": 7}
    applications.expect_status(key("shop"), {"observedGeneration": 1})

    applications.put(written)

    assert [news[1] for news in said.new()] == ["its status was changed by another process"]


def test_our_own_finalizer_puts_nothing_on_the_queue_and_is_known(applications: ApplicationStore, said: Said) -> None:
    applications.put(changed(application_object("shop"), finalizers=["gitops-agent.dev/prune"]))

    stored = applications.get(SHOP)

    assert said.new() == []
    assert stored is not None
    assert stored.finalizers == ("gitops-agent.dev/prune",)


def test_a_finalizer_that_another_client_changes_during_the_deletion_is_reconciled(
    applications: ApplicationStore, said: Said
) -> None:
    leaving = changed(application_object("shop"), deletionTimestamp="2026-05-04T12:00:00Z", finalizers=["a", "b"])
    applications.put(leaving)
    said.new()

    applications.put(changed(leaving, finalizers=["a"]))

    assert [news[1] for news in said.new()] == ["the Application changed"]


def test_what_was_read_with_our_own_status_is_the_newest(applications: ApplicationStore) -> None:
    written = changed(application_object("shop"))
    written["status"] = {"observedGeneration": 1}
    applications.put(written)

    stored = applications.get(SHOP)

    assert stored is not None
    assert (stored.resource_version, stored.status, stored.raw) == ("2", {"observedGeneration": 1}, written)


@pytest.mark.parametrize("mark", [REQUESTED, APPROVED])
def test_what_a_person_asks_for_goes_first(applications: ApplicationStore, said: Said, mark: str) -> None:
    applications.put(changed(application_object("shop"), annotations={mark: "now"}))

    assert said.new() == [(SHOP, "asked for", Priority.USER)]


def test_a_pause_and_its_end_are_asked_for(applications: ApplicationStore, said: Said) -> None:
    applications.put(application_object("shop", suspend={"reason": "incident"}))
    applications.put(application_object("shop"))

    assert [priority for _, _, priority in said.new()] == [Priority.USER, Priority.USER]


def test_an_old_request_is_not_asked_for_again_at_the_start(said: Said) -> None:
    ApplicationStore(said).replace([application_object("shop", annotations={REQUESTED: "yesterday"})], "9")

    assert said.new() == [(SHOP, "the Application changed", Priority.COMMIT)]


@pytest.mark.parametrize(
    "metadata",
    [
        {"labels": {"team": "shop"}},
        {"annotations": {"note": "hello"}},
        {"deletionTimestamp": "2026-05-04T12:00:00Z"},
        {"uid": "another incarnation"},
    ],
    ids=lambda metadata: next(iter(metadata)),
)
def test_what_others_can_change_is_reconciled(applications: ApplicationStore, said: Said, metadata: dict[str, object]) -> None:
    applications.put(changed(application_object("shop"), **metadata))

    assert said.new() == [(SHOP, "the Application changed", Priority.COMMIT)]


def test_the_same_list_again_is_no_news(applications: ApplicationStore, said: Said) -> None:
    applications.replace([application_object("shop")], "9")

    assert said.new() == []


def test_what_a_list_lacks_is_gone(applications: ApplicationStore, said: Said) -> None:
    applications.replace([application_object("desk")], "9")

    assert said.new() == [
        (SHOP, "the Application is gone", Priority.COMMIT),
        (DESK, "the Application changed", Priority.COMMIT),
    ]
    assert applications.keys() == (DESK,)
    assert applications.get(SHOP) is None
    assert applications.raw(SHOP) is None


def test_a_deletion_is_reported_once(applications: ApplicationStore, said: Said) -> None:
    applications.remove(application_object("shop"))
    applications.remove(application_object("shop"))

    assert said.new() == [(SHOP, "the Application is gone", Priority.COMMIT)]


def test_an_invalid_spec_is_an_error_for_its_own_readers_only(applications: ApplicationStore) -> None:
    applications.put(application_object("desk", sync={"interval": "often"}))

    with pytest.raises(SpecInvalid, match="interval"):
        applications.get(DESK)
    assert applications.get(SHOP) is not None
    assert applications.keys() == (DESK, SHOP)


def test_a_spec_that_was_corrected_is_followed_again(applications: ApplicationStore) -> None:
    applications.put(application_object("shop", sync={"interval": "often"}))
    applications.put(application_object("shop", sync={"interval": "10s"}))

    stored = applications.get(SHOP)

    assert stored is not None
    assert stored.spec.sync.interval.total_seconds() == 10


def test_dependants_are_found_in_the_same_namespace_only(applications: ApplicationStore) -> None:
    applications.put(application_object("desk", dependsOn=[{"name": "shop"}]))
    applications.put(application_object("bank", namespace="elsewhere", dependsOn=[{"name": "shop"}]))

    assert applications.depending_on(SHOP) == (DESK,)


def test_what_applications_need_is_known_by_name(applications: ApplicationStore) -> None:
    applications.put(application_object("desk", dependsOn=[{"name": "shop"}]))
    applications.put(application_object("bank", namespace="elsewhere", dependsOn=[{"name": "shop"}]))
    applications.put(application_object("shop"))

    assert applications.needs(SHOP.namespace) == {"desk": ["shop"], "shop": []}


def test_an_application_that_no_longer_depends_is_no_dependant(applications: ApplicationStore) -> None:
    applications.put(application_object("desk", dependsOn=[{"name": "shop"}]))
    applications.put(application_object("desk"))
    assert applications.depending_on(SHOP) == ()

    applications.put(application_object("desk", dependsOn=[{"name": "shop"}]))
    applications.remove(application_object("desk"))
    assert applications.depending_on(SHOP) == ()


def test_peers_follow_the_same_reference_of_the_same_repository(applications: ApplicationStore) -> None:
    applications.put(application_object("desk", path="elsewhere"))
    applications.put(application_object("bank", branch="next"))
    applications.put(application_object("mill", url="https://git.example.com/other.git"))
    applications.put(changed(application_object("inn"), deletionTimestamp="2026-05-04T12:00:00Z"))

    assert applications.following_too(SHOP) == (DESK,)
    assert applications.following_too(key("nobody")) == ()


def test_an_application_that_another_agent_looks_after_may_exist(said: Said) -> None:
    applications = ApplicationStore(said, namespace=SHOP.namespace)
    applications.put(application_object("shop"))

    assert applications.may_exist(SHOP)
    assert not applications.may_exist(DESK)
    assert applications.may_exist(AppKey("other-gitops", "desk"))


def test_a_list_with_an_application_older_than_was_known_by_then_begins_a_new_epoch(applications: ApplicationStore) -> None:
    def at(version: str) -> Object:
        obj = application_object("shop")
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": version}}

    applications.replace([at("200")], "300")
    applications.put(at("395"))
    applications.replace([at("395")], "500")
    assert applications.epoch == 0
    applications.replace([at("200")], "501")
    assert applications.epoch == 1


def test_a_list_older_than_what_was_seen_begins_a_new_epoch(applications: ApplicationStore) -> None:
    newer = application_object("shop")
    newer["metadata"]["resourceVersion"] = "1000"
    applications.put(newer)

    applications.replace([application_object("shop")], "905")

    assert applications.epoch == 1
