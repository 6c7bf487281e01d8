from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.key import Object
from tests.sync.health.live import condition, conditions, live, verdict


def claim(phase: str | None, *entries: Object, spec: Any = None, **annotations: str) -> Object:
    status = conditions(*entries) | ({"phase": phase} if phase else {})
    named = {name.replace("_", "-"): value for name, value in annotations.items()}
    marks = {f"volume.kubernetes.io/{name}": value for name, value in named.items()}
    return live("v1", "PersistentVolumeClaim", spec=spec or {}, status=status, annotations=marks)


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (claim("Bound"), ("Healthy", "")),
        (claim("Lost"), ("Degraded", "VolumeLost")),
        (claim(None), ("Progressing", "NotObserved")),
        (claim("Pending"), ("Healthy", "WaitForFirstConsumer")),
        (claim("Pending", selected_node="node-1"), ("Progressing", "Provisioning")),
        (claim("Pending", storage_provisioner="ebs.csi.aws.com"), ("Progressing", "Provisioning")),
        (claim("Pending", spec={"volumeName": "pv-1"}), ("Progressing", "Provisioning")),
        (claim("Bound", condition("Resizing", "True")), ("Progressing", "Resizing")),
        (claim("Bound", condition("FileSystemResizePending", "True")), ("Healthy", "FileSystemResizePending")),
        (claim("Bound", condition("ControllerResizeError", "True", "", "no space")), ("Degraded", "ControllerResizeError")),
    ],
)
def test_a_claim_waits_only_once_work_on_it_has_begun(obj: Object, expected: tuple[str, str]) -> None:
    assert verdict(obj) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Available"}, ("Healthy", "")),
        ({"phase": "Bound"}, ("Healthy", "")),
        ({"phase": "Released"}, ("Healthy", "Released")),
        ({"phase": "Pending"}, ("Progressing", "Pending")),
        ({"phase": "Failed", "message": "cannot recycle"}, ("Degraded", "ReclaimFailed")),
    ],
)
def test_a_volume(status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("v1", "PersistentVolume", status=status)) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"readyToUse": True}, ("Healthy", "")),
        ({"readyToUse": False}, ("Progressing", "NotReady")),
        ({"error": {"message": "no driver"}}, ("Degraded", "SnapshotFailed")),
    ],
)
def test_a_snapshot(status: Object, expected: tuple[str, str]) -> None:
    assert verdict(live("snapshot.storage.k8s.io/v1", "VolumeSnapshot", status=status)) == expected


def test_a_storage_class_has_no_health_of_its_own() -> None:
    assert verdict(live("storage.k8s.io/v1", "StorageClass")) == ("Healthy", "")
