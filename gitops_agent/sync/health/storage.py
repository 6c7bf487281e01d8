"""Claims, volumes and snapshots.

A claim of a class with WaitForFirstConsumer stays Pending until a pod that mounts it is scheduled, so a wait for it before its
consumer is applied would never end. The claim does not name the binding mode, but it shows whether work on it has begun: the
volume controller writes the provisioner's annotation when provisioning starts, and the scheduler writes the selected node. A
Pending claim without either holds up nothing and is Healthy with a note; if it is needed and can never bind, the pod
that mounts it is unschedulable and says so.
"""

from __future__ import annotations

from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.kinds import PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM
from gitops_agent.manifest.reading import mapping
from gitops_agent.sync.health.reading import Conditions, notes, text
from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.health.verdicts import degraded, healthy, progressing

_WORKED_ON = (
    "volume.kubernetes.io/selected-node",
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
)


def claim(obj: Object) -> Health:
    """Lost and failed resizes are Degraded; Pending with begun work is Progressing."""
    phase, conditions = mapping(obj, "status").get("phase"), Conditions.of(obj)
    if phase == "Lost":
        return degraded("VolumeLost", "the volume it was bound to is gone")
    if phase == "Bound":
        return _resize(conditions)
    if phase != "Pending":
        return progressing("NotObserved", "no phase has been written yet")
    marks = notes(obj)
    if text(mapping(obj, "spec").get("volumeName")) or any(name in marks for name in _WORKED_ON):
        return progressing("Provisioning", "the volume is being provisioned")
    return healthy("WaitForFirstConsumer", "not bound; a volume is looked for when a pod that mounts the claim is scheduled")


def volume(obj: Object) -> Health:
    """Failed is Degraded, Pending is Progressing, everything else is Healthy."""
    status = mapping(obj, "status")
    phase, message = status.get("phase"), text(status.get("message"))
    if phase == "Failed":
        return degraded(text(status.get("reason")) or "ReclaimFailed", message or "its reclamation failed")
    if phase == "Pending":
        return progressing("Pending", message or "not available yet")
    return healthy("Released", "its claim is gone; it has not been reclaimed") if phase == "Released" else healthy()


def snapshot(obj: Object) -> Health:
    """An error is Degraded; Progressing until it is ready to use."""
    status = mapping(obj, "status")
    if message := text(mapping(status, "error").get("message")):
        return degraded("SnapshotFailed", message)
    return healthy() if status.get("readyToUse") is True else progressing("NotReady", "the snapshot is not ready to use yet")


def _resize(conditions: Conditions) -> Health:
    for kind in ("ControllerResizeError", "NodeResizeError", "ModifyVolumeError"):
        if conditions.true(kind):
            return degraded(kind, conditions[kind].said("the volume could not be changed"))
    for kind in ("Resizing", "ModifyingVolume"):
        if conditions.true(kind):
            return progressing(kind, conditions[kind].said("the volume is being changed"))
    if conditions.true("FileSystemResizePending"):
        return Health(Status.HEALTHY, "FileSystemResizePending", "its file system grows when a pod mounts it again")
    return healthy()


_SNAPSHOT = "snapshot.storage.k8s.io"

TABLE = {
    PERSISTENT_VOLUME_CLAIM: claim,
    PERSISTENT_VOLUME: volume,
    GroupKind(_SNAPSHOT, "VolumeSnapshot"): snapshot,
    GroupKind(_SNAPSHOT, "VolumeSnapshotContent"): snapshot,
}
