"""HorizontalPodAutoscaler (v2, and v1 with its annotation), PodDisruptionBudget, KEDA.

An autoscaler without metrics is Degraded only if it has scaled before: in the first minutes of every new workload there are no
metrics yet, and calling that Degraded (as peers do) makes every first installation flash red.
"""

from __future__ import annotations

import orjson

from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.kinds import AUTOSCALER, DISRUPTION_BUDGET, SCALED_OBJECT
from gitops_agent.manifest.reading import mapping
from gitops_agent.sync.health.reading import Conditions, generation, notes
from gitops_agent.sync.health.status import Health
from gitops_agent.sync.health.verdicts import by_condition, degraded, healthy, progressing, suspended

_V1_CONDITIONS = "autoscaling.alpha.kubernetes.io/conditions"
_WRONG_SPEC = frozenset({"InvalidSelector", "SelectorRequired", "InvalidMetricSourceType", "AmbiguousSelector"})


def autoscaler(obj: Object) -> Health:
    """AbleToScale False is Degraded; ScalingActive False too, with exceptions.

    ScalingActive False is Degraded when the spec is wrong or when it has worked before.
    """
    conditions = Conditions.of(obj) or _from_annotation(obj)
    if not conditions:
        return progressing("NotObserved", "the controller has not seen it yet")
    able, active = conditions["AbleToScale"], conditions["ScalingActive"]
    if able.value == "False" and able.reason not in {"BackoffBoth", "BackoffDownscale", "BackoffUpscale"}:
        return degraded(able.reason or "NotAbleToScale", able.said("it cannot scale its target"))
    if active.value == "False" and active.reason == "ScalingDisabled":
        return healthy("ScalingDisabled", active.said("its target is scaled to zero"))
    if active.value == "False":
        broken = active.reason in _WRONG_SPEC or bool(mapping(obj, "status").get("lastScaleTime"))
        return (degraded if broken else progressing)(active.reason or "NotScaling", active.said("it has no metrics"))
    return healthy()


def disruption_budget(obj: Object) -> Health:
    """A failed computation is Degraded; no allowed disruption is a note."""
    allowed = Conditions.of(obj)["DisruptionAllowed"]
    if allowed.value == "False" and allowed.reason == "InsufficientPods":
        return healthy("InsufficientPods", "no disruption is allowed now")
    if allowed.value == "False":
        return degraded(allowed.reason or "SyncFailed", allowed.said("the budget cannot be computed"))
    if not mapping(obj, "status"):
        return progressing("NotObserved", "the controller has not seen it yet")
    return healthy()


def keda(obj: Object) -> Health:
    """Paused is Suspended, running on the fallback is Degraded, then Ready."""
    conditions = Conditions.of(obj)
    if conditions.true("Paused"):
        return suspended("Paused", conditions["Paused"].said("paused"))
    if conditions.true("Fallback"):
        return degraded(
            conditions["Fallback"].reason or "Fallback", conditions["Fallback"].said("no metrics: runs on its fallback")
        )
    return by_condition(conditions["Ready"], name="Ready")


def _from_annotation(obj: Object) -> Conditions:
    written = notes(obj).get(_V1_CONDITIONS)
    try:
        raw = orjson.loads(written) if isinstance(written, str) else []
    except orjson.JSONDecodeError:
        raw = []
    return Conditions(raw, generation=generation(obj))


TABLE = {
    AUTOSCALER: autoscaler,
    DISRUPTION_BUDGET: disruption_budget,
    SCALED_OBJECT: keda,
    GroupKind("keda.sh", "ScaledJob"): keda,
}
