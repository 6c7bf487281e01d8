"""Kinds of GitOps and progressive delivery: ours, Flux, Argo."""

from __future__ import annotations

from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.kinds import APPLICATION, NOTIFIER, ROLLOUT_POLICY
from gitops_agent.manifest.reading import items, mapping, number
from gitops_agent.sync.health.reading import Conditions, observed, text
from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.health.verdicts import by_condition, degraded, healthy, progressing, suspended

HELD = "HeldForApproval"
"""The reason of an Application whose plan waits for approval."""

_REPORTED = {str(status): status for status in Status}
_PHASES = {"Succeeded": Status.HEALTHY, "Failed": Status.DEGRADED, "Error": Status.DEGRADED, "Omitted": Status.HEALTHY}


def application(obj: Object) -> Health:
    """Its own status (also Argo CD's); not synced is Progressing."""
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    if spec.get("suspend"):
        return suspended("Suspended", text(mapping(spec, "suspend").get("reason")) or "spec.suspend is set")
    reported = _REPORTED.get(text(mapping(status, "health").get("status")))
    if reported is None:
        return progressing("NotObserved", "it has not reported its health yet")
    ready = Conditions.of(obj)["Ready"]
    message = text(mapping(status, "health").get("message")) or ready.message
    if reported is Status.HEALTHY:
        synced = text(mapping(status, "sync").get("status"))
        return progressing("OutOfSync", message or f"its objects are {synced}") if synced == "OutOfSync" else healthy()
    if reported in {Status.MISSING, Status.UNKNOWN}:
        return progressing(str(reported), message or f"its health is {reported}")
    return Health(reported, ready.reason or str(reported), message or f"its health is {reported}")


def held(obj: Object) -> Health | None:
    """Of an Application whose deletion waits for approval; None for others."""
    if text(obj.get("kind")) != APPLICATION.kind or not mapping(obj, "metadata").get("deletionTimestamp"):
        return None
    ready = Conditions.of(obj)["Ready"]
    return progressing(HELD, ready.message) if ready.reason == HELD else None


def notifier(obj: Object) -> Health:
    """Ready False is Degraded; one that sent nothing yet is Healthy."""
    ready = Conditions.of(obj)["Ready"]
    return degraded(ready.reason or "NotReady", ready.said("not ready")) if ready.value == "False" else healthy()


def rollout_policy(obj: Object) -> Health:
    """Healthy, or Suspended while paused; its pods and routes have their own."""
    status = mapping(obj, "status")
    if status.get("phase") == "Paused":
        return suspended("RolloutPaused", text(status.get("message")) or "its rollout is paused")
    return healthy()


def flux(obj: Object) -> Health:
    """Suspended is Suspended; Ready False is Degraded; Reconciling is Progressing."""
    if mapping(obj, "spec").get("suspend") is True:
        return suspended("Suspended", "spec.suspend is set")
    return by_condition(Conditions.of(obj)["Ready"], name="Ready", waiting=("Progressing", "DependencyNotReady"))


def static(obj: Object) -> Health:
    """Healthy: the kind is configuration only."""
    del obj
    return healthy()


def rollout(obj: Object) -> Health:
    """Argo Rollouts' own phase, where its controller has seen the current spec."""
    status = mapping(obj, "status")
    if not observed(obj):
        return progressing("NotObserved", "the controller has not seen it yet")
    phase, message = text(status.get("phase")), text(status.get("message"))
    if phase == "Paused" or items(status.get("pauseConditions")):
        return suspended("Paused", message or "paused in a step")
    if phase == "Degraded" or status.get("abort") is True:
        return degraded("RolloutAborted" if status.get("abort") is True else "Degraded", message or "the rollout is degraded")
    conditions = Conditions.of(obj)
    if conditions.true("InvalidSpec"):
        return degraded("InvalidSpec", conditions["InvalidSpec"].said("its spec is invalid"))
    if phase == "Healthy":
        return healthy()
    replicas = number(mapping(obj, "spec").get("replicas"), 1)
    return progressing(
        "RollingOut", message or f"{number(status.get('updatedReplicas'))} of {replicas} pods are of the new revision"
    )


def workflow(obj: Object) -> Health:
    """The phase of an Argo Workflow; suspended is Suspended."""
    status = mapping(obj, "status")
    phase, message = text(status.get("phase")), text(status.get("message"))
    if (verdict := _PHASES.get(phase)) is not None:
        return Health(verdict, phase, message or f"the workflow is {phase}")
    if mapping(obj, "spec").get("suspend") is True:
        return suspended("Suspended", "spec.suspend is set")
    return progressing(phase or "Pending", message or f"the workflow is {phase or 'not started'}")


_ARGO = "argoproj.io"
_FLUX = "*.toolkit.fluxcd.io"

TABLE = {
    APPLICATION: application,
    NOTIFIER: notifier,
    ROLLOUT_POLICY: rollout_policy,
    GroupKind(_ARGO, "Application"): application,
    GroupKind(_ARGO, "Rollout"): rollout,
    GroupKind(_ARGO, "Workflow"): workflow,
    GroupKind(_FLUX, "*"): flux,
    GroupKind("notification.toolkit.fluxcd.io", "Alert"): static,
    GroupKind("notification.toolkit.fluxcd.io", "Provider"): static,
}
