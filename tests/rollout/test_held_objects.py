"""What of the newest commit a rollout holds back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.compose import Part, compose, withheld
from gitops_agent.rollout.state import Phase, RolloutState, Stage
from tests.rollout.policies import canary, rolling
from tests.rollout.test_overlay import NEW, OLD, WEB, manifests, state, subject

BACK_OFF = [(Phase.HELD, Stage.NONE), (Phase.PENDING, Stage.NONE), (Phase.STEP, Stage.HOLD), (Phase.ABORT, Stage.DRAIN)]
DURING = [*BACK_OFF, (Phase.PROMOTE, Stage.CUT_HOLD), (Phase.PROMOTE, Stage.ROLL), (Phase.FINALIZE, Stage.SERVICE)]


def thing(kind: str, name: str, version: str = "v1", **fields: Any) -> Object:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}, **fields}


def changed(head: Sequence[Manifest], key: ObjectKey, **spec: Any) -> list[Manifest]:
    """The commit with other fields in the spec of one object."""
    return [
        manifest.with_object({**manifest.obj, "spec": {**manifest.obj["spec"], **spec}}) if manifest.key == key else manifest
        for manifest in head
    ]


def desired(current: RolloutState, head: Sequence[Manifest], *, policy: Any = None) -> dict[str, Object]:
    part = Part(state=current, subject=subject(policy), stable=OLD, target=NEW)
    return {str(manifest.key): manifest.obj for manifest in compose(head, [part]).manifests}


@pytest.mark.parametrize(("phase", "stage"), DURING)
def test_what_belongs_to_no_rollout_follows_git(phase: Phase, stage: Stage) -> None:
    head = [*NEW, Manifest.of(thing("ConfigMap", "other")), Manifest.of(thing("Job", "measure", "batch/v1", spec={}))]
    head = [manifest for manifest in head if manifest.key.kind != "HorizontalPodAutoscaler"]
    objects = desired(state(phase, stage), head)

    assert {"ConfigMap:shop/other", "batch/Job:shop/measure"} <= objects.keys()
    assert "autoscaling/HorizontalPodAutoscaler:shop/web" not in objects


@pytest.mark.parametrize(("phase", "stage"), BACK_OFF)
@pytest.mark.parametrize("strategy", [canary, rolling])
def test_the_replicas_of_git_count_though_its_version_is_held_back(phase: Phase, stage: Stage, strategy: Any) -> None:
    head = changed(NEW, WEB, replicas=9, minReadySeconds=5, strategy={"type": "Recreate"})
    spec = desired(state(phase, stage), head, policy=strategy())["apps/Deployment:shop/web"]["spec"]

    assert (spec["replicas"], spec["minReadySeconds"]) == (9, 5)
    assert spec["template"]["spec"]["containers"][0]["image"] == "web:1"
    assert "strategy" not in spec


def test_an_autoscaler_that_git_changes_is_changed_during_a_run() -> None:
    scaler = ObjectKey("autoscaling", "HorizontalPodAutoscaler", "shop", "web")
    spec = desired(state(Phase.STEP, Stage.HOLD), changed(NEW, scaler, maxReplicas=20))[str(scaler)]["spec"]

    assert spec["maxReplicas"] == 20
    assert spec["behavior"] == {"scaleDown": {"selectPolicy": "Disabled"}}


@pytest.mark.parametrize(("phase", "stage"), BACK_OFF)
def test_configuration_the_stable_pods_read_and_the_service_stay(phase: Phase, stage: Stage) -> None:
    service = ObjectKey("", "Service", "shop", "web")
    objects = desired(state(phase, stage), changed(NEW, service, type="ClusterIP"))

    assert objects["ConfigMap:shop/web"]["data"] == {"colour": "red"}
    assert objects["Service:shop/web"]["spec"]["type"] == "NodePort"


def test_what_the_pods_of_a_version_need_to_start_stays_though_git_drops_it() -> None:
    account = Manifest.of(thing("ServiceAccount", "web"))
    old = [
        manifest.with_object(
            {**manifest.obj, "spec": {**manifest.obj["spec"], "template": {"spec": {"serviceAccountName": "web"}}}}
        )
        if manifest.key == WEB
        else manifest
        for manifest in OLD
    ]
    part = Part(state=state(Phase.HELD), subject=subject(), stable=[*old, account], target=NEW)

    assert account in compose(NEW, [part]).manifests
    assert account.key in {manifest.key for manifest in withheld(NEW, part)}


def test_the_secret_that_mounts_a_volume_of_a_version_stays_though_git_drops_it() -> None:
    mount = Manifest.of(thing("Secret", "mount"))
    volumes = [{"name": "v", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "mount"}}}]
    old = [
        manifest.with_object({**manifest.obj, "spec": {**manifest.obj["spec"], "template": {"spec": {"volumes": volumes}}}})
        if manifest.key == WEB
        else manifest
        for manifest in OLD
    ]
    part = Part(state=state(Phase.HELD), subject=subject(), stable=[*old, mount], target=NEW)

    assert mount in compose(NEW, [part]).manifests


def test_a_newer_commit_changes_nothing_of_the_version_that_the_workload_takes() -> None:
    third = manifests("web:3", colour="green")
    objects = desired(state(Phase.PROMOTE, Stage.ROLL), changed(third, WEB, replicas=2))

    assert objects["apps/Deployment:shop/web"]["spec"]["template"]["spec"]["containers"][0]["image"] == "web:2"
    assert objects["apps/Deployment:shop/web"]["spec"]["replicas"] == 2
    assert objects["ConfigMap:shop/web"]["data"] == {"colour": "blue"}


def test_a_run_keeps_its_service_until_its_end_though_its_target_has_none() -> None:
    without = [manifest for manifest in NEW if manifest.key != ObjectKey("", "Service", "shop", "web")]
    part = Part(state=state(Phase.PROMOTE, Stage.BACK), subject=subject(), stable=OLD, target=without)

    assert ObjectKey("", "Service", "shop", "web") in {manifest.key for manifest in compose(without, [part]).manifests}


def test_a_run_that_is_given_up_keeps_the_service_that_only_its_target_declares() -> None:
    named = next(manifest for manifest in NEW if manifest.key.kind == "Service")
    renamed = named.with_object({**named.obj, "metadata": {**named.obj["metadata"], "name": "shop"}})
    newest = [*(manifest for manifest in NEW if manifest is not named), renamed]
    part = Part(state=state(Phase.ABORT, Stage.UNROUTE), subject=subject(canary(service="shop")), stable=OLD, target=newest)

    assert renamed.key in {manifest.key for manifest in compose(newest, [part]).manifests}


def test_what_is_withheld_is_what_differs_from_the_newest_commit() -> None:
    def of(current: RolloutState, head: Sequence[Manifest]) -> list[str]:
        return [str(key) for key in withheld(head, Part(state=current, subject=subject(), stable=OLD, target=NEW))]

    assert of(state(Phase.HELD), NEW) == [
        "ConfigMap:shop/web: its pods read it",
        "apps/Deployment:shop/web: its spec, but for what scales it",
    ]
    assert of(state(Phase.HELD), changed(OLD, WEB, replicas=9)) == []
    assert of(state(Phase.PROMOTE, Stage.ROLL), NEW) == []
