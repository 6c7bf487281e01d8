"""Rules for every kind, those of kstatus: deletion, generation, conditions."""

from __future__ import annotations

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import IGNORE_HEALTH
from gitops_agent.manifest.reading import mapping
from gitops_agent.sync.health.reading import Conditions, generation, notes, observed, text
from gitops_agent.sync.health.status import Health
from gitops_agent.sync.health.verdicts import degraded, healthy, progressing

_GARBAGE_COLLECTION = frozenset({"foregroundDeletion", "orphan"})
_IGNORED = {IGNORE_HEALTH: "true", "argocd.argoproj.io/ignore-healthcheck": "true"}


def ignored(obj: Object) -> Health | None:
    """Healthy where an annotation (ours or Argo CD's) opts out of health."""
    marks = notes(obj)
    for name, value in _IGNORED.items():
        if marks.get(name) == value:
            return healthy("HealthIgnored", f"not judged: annotation {name}")
    return None


def terminating(obj: Object) -> Health | None:
    """Progressing while an object is being deleted; names what holds it."""
    metadata = mapping(obj, "metadata")
    if not metadata.get("deletionTimestamp"):
        return None
    raw = metadata.get("finalizers")
    finalizers = [text(name) for name in raw] if isinstance(raw, list) else []
    holding = [name for name in finalizers if name and name not in _GARBAGE_COLLECTION]
    conditions = Conditions.of(obj)
    for kind in ("NamespaceDeletionDiscoveryFailure", "NamespaceDeletionContentFailure", "NamespaceFinalizersRemaining"):
        if conditions.true(kind):
            return progressing("Terminating", text(f"being deleted: {conditions[kind].said(kind)}"))
    if holding:
        return progressing("Terminating", text(f"being deleted, held by the finalizer {', '.join(holding)}"))
    if finalizers:
        return progressing("Terminating", "being deleted, after its dependants")
    return progressing("Terminating", "being deleted")


def unobserved(obj: Object) -> Health | None:
    """Progressing while the controller has not seen the current spec."""
    current, reported = generation(obj), observed(obj)
    if current and reported and current != reported:
        return progressing("NotObserved", f"the controller has seen generation {reported} of {current}")
    return None


def reconciling(obj: Object) -> Health | None:
    """The two abnormal-true conditions of kstatus."""
    conditions = Conditions.of(obj)
    if conditions.true("Stalled"):
        stalled = conditions["Stalled"]
        return degraded(stalled.reason or "Stalled", stalled.said("stalled"))
    if conditions.true("Reconciling"):
        running, ready = conditions["Reconciling"], conditions["Ready"]
        message = ready.message if conditions.false("Ready") and ready.message else running.said("reconciling")
        return progressing(running.reason or "Reconciling", message)
    return None


def by_conditions(obj: Object) -> Health:
    """The verdict for an unknown kind, from the shape of its conditions.

    Crossplane's pair (Synced False: refused; Ready False: being made) differs from a lone Ready, whose False means "not yet"
    to kstatus. Without conditions there is nothing to wait for.
    """
    conditions = Conditions.of(obj)
    if conditions.true("Failed"):
        failed = conditions["Failed"]
        return degraded(failed.reason or "Failed", failed.said("failed"))
    if conditions.false("Synced") and "Ready" in conditions:
        synced = conditions["Synced"]
        return degraded(synced.reason or "NotSynced", synced.said("not synced"))
    if "Ready" in conditions and not conditions.true("Ready"):
        ready = conditions["Ready"]
        return progressing(ready.reason or "NotReady", ready.said("not ready"))
    return healthy()
