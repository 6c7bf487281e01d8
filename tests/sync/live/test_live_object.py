from __future__ import annotations

import tracemalloc
import uuid
from typing import Any

import pytest

from gitops_agent.manifest.canonical import copy, digest
from gitops_agent.manifest.fields import desired_hash
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import APPLICATION, DIGEST, ID, label_value, marked
from gitops_agent.sync.health import Status
from gitops_agent.sync.live.live_object import observe
from gitops_agent.sync.live.live_state import LiveState
from tests.manifest.test_fields import entry, owned_all
from tests.sync.samples import APP, OTHER, key, thing, workload


def stored(desired: Object, *, version: str = "5", application: Any = APP, **metadata: Any) -> Object:
    """What the API server would return after our apply."""
    sent = marked(desired, application=application, digest=digest(desired), revision="r" * 40)
    fields = owned_all({name: value for name, value in sent.items() if name not in ("apiVersion", "kind", "metadata")})
    ours = {name: sent["metadata"][name] for name in ("labels", "annotations")}
    sent["metadata"] |= {
        "uid": f"uid-{sent['metadata']['name']}",
        "resourceVersion": version,
        "generation": 3,
        "managedFields": [entry({**fields, "f:metadata": owned_all(ours)}, time="2026-11-01T00:00:00Z")],
        **metadata,
    }
    return sent


CONFIG = thing("ConfigMap", "web", data={"a": "1"})


def test_what_is_remembered_is_who_it_is_whose_it_is_and_what_was_applied() -> None:
    live = observe(stored(CONFIG))
    assert (live.key, live.uid, live.resource_version, live.generation) == (key("ConfigMap", "web"), "uid-web", "5", 3)
    assert (live.owner, live.digest, live.revision) == (APP, digest(CONFIG), "r" * 40)
    assert live.projection == desired_hash(CONFIG)
    assert live.health.status is Status.HEALTHY
    assert [live.deleting, live.controlled, live.prune_disabled, live.undeclared] == [False, False, False, ()]


def test_a_copied_mark_makes_no_owner() -> None:
    obj = stored(CONFIG)
    obj["metadata"]["name"] = "copy"
    assert observe(obj).owner is None


@pytest.mark.parametrize(
    ("metadata", "attribute"),
    [
        ({"deletionTimestamp": "2026-11-01T00:00:00Z"}, "deleting"),
        ({"ownerReferences": [{"uid": "1", "controller": True}]}, "controlled"),
        ({"annotations": {"gitops-agent.dev/prune": "disabled"}}, "prune_disabled"),
        ({"annotations": {"helm.sh/resource-policy": "keep"}}, "prune_disabled"),
    ],
)
def test_what_forbids_a_deletion_is_seen(metadata: dict[str, Any], attribute: str) -> None:
    assert getattr(observe(stored(CONFIG, **metadata)), attribute) is True


def test_an_owner_that_does_not_control_is_no_controller() -> None:
    assert not observe(stored(CONFIG, ownerReferences=[{"uid": "1"}])).controlled


def test_an_object_without_owner_is_observed_without_surprise() -> None:
    live = observe({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
    assert (live.owner, live.digest, live.projection, live.undeclared) == (None, None, "", ())


def test_observing_does_not_change_the_object() -> None:
    obj = stored(workload("Deployment", "web"))
    before = copy(obj)
    observe(obj)
    assert obj == before


def test_right_after_an_apply_ownership_proves_the_manifest() -> None:
    desired = workload("Deployment", "web")
    live = observe(stored(desired))
    assert live.proves(desired)
    assert live.settled(baseline=None).proves(desired)


def test_a_field_taken_from_us_ends_the_proof() -> None:
    obj = stored(CONFIG)
    obj["metadata"]["managedFields"][0]["fieldsV1"]["f:data"] = {"f:b": {}}
    assert not observe(obj).proves(CONFIG)


def test_with_a_baseline_the_field_set_is_no_longer_kept() -> None:
    live = observe(stored(CONFIG))
    settled = live.settled(baseline=(live.digest or "", live.projection))
    assert (settled.raw, settled.owned, settled.packed, settled.evidence) == (None, None, None, None)


def test_an_object_that_drifted_keeps_its_evidence() -> None:
    live = observe(stored(CONFIG))
    settled = live.settled(baseline=(live.digest or "", "another"))
    assert settled.raw is None
    assert settled.evidence == stored(CONFIG)


def test_an_object_whose_marks_were_torn_off_has_drifted() -> None:
    obj = stored(CONFIG)
    del obj["metadata"]["annotations"][DIGEST]
    assert observe(obj).drifted((digest(CONFIG), desired_hash(CONFIG)))


@pytest.mark.parametrize("broken", [None, "damaged", "ConfigMap:shop/other@gitops-system/shop", "ConfigMap:shop/web@nobody"])
def test_a_damaged_mark_makes_no_owner_and_names_its_application(broken: str | None) -> None:
    obj = stored(CONFIG)
    obj["metadata"]["annotations"][ID] = broken
    live = observe(obj)
    assert (live.owner, live.damaged) == (None, label_value(APP))


def test_a_changed_label_leaves_the_application_that_the_annotation_names() -> None:
    obj = stored(CONFIG)
    obj["metadata"]["labels"][APPLICATION] = "something"
    assert observe(obj).damaged == label_value(APP)


def test_a_copy_of_a_mark_is_no_damaged_one() -> None:
    obj = stored(CONFIG, managedFields=[])
    obj["metadata"]["name"] = "copy"
    assert observe(obj).damaged == ""


def test_a_whole_mark_is_no_damaged_one() -> None:
    assert observe(stored(CONFIG)).damaged == ""


def test_a_degraded_object_keeps_its_evidence() -> None:
    broken = stored(workload("Deployment", "web"))
    broken["status"] = {
        "observedGeneration": 3,
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}],
    }
    live = observe(broken)
    assert live.health.status is Status.DEGRADED
    assert live.settled(baseline=(live.digest or "", live.projection)).evidence == broken


@pytest.mark.slow
def test_ten_thousand_healthy_objects_take_less_than_a_kibibyte_each() -> None:
    state = LiveState()
    shape = stored(workload("Deployment", "web"))
    shape["status"] = {"observedGeneration": 3, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    fill(state, shape, range(100))
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        fill(state, shape, range(100, 2100))
        after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    grown = sum(entry.size_diff for entry in after.compare_to(before, "filename"))
    assert grown / 2000 < 1024, grown / 2000


def fill(state: LiveState, shape: Object, numbers: range) -> None:
    for number in numbers:
        obj = copy(shape)
        name = f"web-{number}"
        obj["metadata"] |= {"name": name, "uid": str(uuid.UUID(int=number)), "resourceVersion": str(10**6 + number)}
        obj["metadata"]["annotations"]["gitops-agent.dev/id"] = f"{ObjectKey.of(obj)}@{APP}"
        live = observe(obj)
        state.applied(live, digest=live.digest or "")


def test_two_applications_are_distinguished() -> None:
    assert observe(stored(CONFIG, application=OTHER)).owner == OTHER
