"""Deployment, ReplicaSet, StatefulSet, DaemonSet, Pod, Job, CronJob.

A workload is judged by what its controller counted, never by its pods: why pods do not come is asked once, by `sync.explain`,
when a verdict stays Progressing. A crash-looping StatefulSet or DaemonSet therefore reads Progressing here (their status has no
trace of the crash) and becomes Degraded by the explanation.
"""

from __future__ import annotations

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    STATEFUL_SET,
)
from gitops_agent.manifest.reading import items, mapping, number
from gitops_agent.sync.health.reading import Condition, Conditions, observed, text
from gitops_agent.sync.health.status import Health
from gitops_agent.sync.health.verdicts import degraded, healthy, progressing, suspended

_QUOTA = "exceeded quota"
_PATIENT = frozenset({"ContainerCreating", "PodInitializing", ""})
_RESTARTS_OF_A_CRASH_LOOP = 2


def deployment(obj: Object) -> Health:
    """Paused is Suspended; ProgressDeadlineExceeded and ReplicaFailure are Degraded; else counts pods.

    The counts are those of updated and available pods.
    """
    spec, status, conditions = mapping(obj, "spec"), mapping(obj, "status"), Conditions.of(obj)
    if spec.get("paused") is True:
        return suspended("Paused", "spec.paused is set")
    if not observed(obj):
        return progressing("NotObserved", "the controller has not seen it yet")
    if (rollout := conditions["Progressing"]).reason == "ProgressDeadlineExceeded":
        return degraded("ProgressDeadlineExceeded", _with_cause(rollout, conditions["ReplicaFailure"]))
    if conditions.true("ReplicaFailure"):
        return _replica_failure(conditions["ReplicaFailure"])
    desired = number(spec.get("replicas"), 1)
    total, updated, available = (number(status.get(name)) for name in ("replicas", "updatedReplicas", "availableReplicas"))
    if updated < desired:
        return progressing("RollingOut", f"{updated} of {desired} pods are of the new revision")
    if total > updated:
        return progressing("RollingOut", _older(total - updated))
    if available < desired:
        return progressing("PodsUnavailable", f"{available} of {desired} pods are available")
    return _scaled(desired)


def replica_set(obj: Object) -> Health:
    """ReplicaFailure is Degraded; then the count of available pods."""
    conditions = Conditions.of(obj)
    if conditions.true("ReplicaFailure"):
        return _replica_failure(conditions["ReplicaFailure"])
    if not observed(obj):
        return progressing("NotObserved", "the controller has not seen it yet")
    desired = number(mapping(obj, "spec").get("replicas"), 1)
    available = number(mapping(obj, "status").get("availableReplicas"))
    if available < desired:
        return progressing("PodsUnavailable", f"{available} of {desired} pods are available")
    return _scaled(desired)


def stateful_set(obj: Object) -> Health:
    """Counts ready pods, then updated ones.

    Updated ones count down to the partition, or not at all with OnDelete.
    """
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    if not observed(obj):
        return progressing("NotObserved", "the controller has not seen it yet")
    desired = number(spec.get("replicas"), 1)
    total, ready = number(status.get("replicas")), number(status.get("readyReplicas"))
    available = number(status.get("availableReplicas"), ready)
    if total > desired:
        return progressing("ScalingDown", f"{total} pods, {desired} wanted")
    if ready < desired:
        return progressing("PodsNotReady", f"{ready} of {desired} pods are ready")
    if available < desired:
        return progressing("PodsUnavailable", f"{available} of {desired} pods have been ready for minReadySeconds")
    return _stateful_revision(spec, status, desired) if desired else _scaled(desired)


def _stateful_revision(spec: Object, status: Object, desired: int) -> Health:
    """Progress of the new revision, as far as the strategy requires."""
    if text(status.get("updateRevision")) == text(status.get("currentRevision")):
        return healthy()
    strategy, updated = mapping(spec, "updateStrategy"), number(status.get("updatedReplicas"))
    if strategy.get("type") == "OnDelete":
        return healthy("OnDelete", _kept(desired - updated))
    partition = number(mapping(strategy, "rollingUpdate").get("partition"))
    due = max(desired - partition, 0)
    if partition > 0 and updated >= due:
        return healthy("Partitioned", f"rolled out down to partition {partition}")
    above = f" above partition {partition}" if partition else ""
    return progressing("RollingOut", f"{updated} of {due} pods{above} are of the new revision")


def daemon_set(obj: Object) -> Health:
    """Counts updated and available pods against its nodes; OnDelete ignores updates."""
    status = mapping(obj, "status")
    if not observed(obj):
        return progressing("NotObserved", "the controller has not seen it yet")
    desired = number(status.get("desiredNumberScheduled"))
    updated, available = number(status.get("updatedNumberScheduled")), number(status.get("numberAvailable"))
    on_delete = mapping(obj, "spec", "updateStrategy").get("type") == "OnDelete"
    if updated < desired and not on_delete:
        return progressing("RollingOut", f"{updated} of {desired} pods are of the new revision")
    if available < desired:
        return progressing("PodsUnavailable", f"{available} of {desired} pods are available")
    if updated < desired:
        return healthy("OnDelete", _kept(desired - updated))
    return healthy() if desired else healthy("NoNodes", "no node matches")


def _older(pods: int) -> str:
    return "1 pod of an older revision remains" if pods == 1 else f"{pods} pods of older revisions remain"


def _kept(pods: int) -> str:
    singular = "1 pod keeps the old revision until it is deleted"
    return singular if pods == 1 else f"{pods} pods keep the old revision until they are deleted"


def pod(obj: Object) -> Health:
    """The phase; while it runs, what its containers wait for, and readiness."""
    spec, status, conditions = mapping(obj, "spec"), mapping(obj, "status"), Conditions.of(obj)
    phase = status.get("phase")
    containers = items(status.get("initContainerStatuses")) + items(status.get("containerStatuses"))
    if phase == "Succeeded":
        return healthy("Completed", "ran to its end")
    if phase == "Failed":
        return degraded(text(status.get("reason")) or "Failed", text(status.get("message")) or _ended_badly(containers))
    for container in containers:
        if (stuck := _stuck(container)) is not None:
            return stuck
    if conditions.true("Ready"):
        return healthy()
    if conditions.false("PodScheduled"):
        scheduled = conditions["PodScheduled"]
        return progressing(scheduled.reason or "Unschedulable", scheduled.said("no node has been found"))
    if spec.get("restartPolicy", "Always") == "Always":
        for container in containers:
            if number(container.get("restartCount")) >= _RESTARTS_OF_A_CRASH_LOOP and not container.get("ready"):
                return degraded("CrashLoop", text(f"container {text(container.get('name'))} {_ended_badly([container])}"))
    return progressing(text(phase) or "Pending", conditions["Ready"].said(f"the pod is {text(phase) or 'Pending'}"))


def job(obj: Object) -> Health:
    """Complete is Healthy, Failed is Degraded, suspended is Suspended, else Progressing."""
    status, conditions = mapping(obj, "status"), Conditions.of(obj)
    for kind in ("Failed", "FailureTarget"):
        if conditions.true(kind):
            return degraded(conditions[kind].reason or "Failed", conditions[kind].said("the job failed"))
    if conditions.true("Complete"):
        return healthy("Completed", conditions["Complete"].message)
    if mapping(obj, "spec").get("suspend") is True or conditions.true("Suspended"):
        return suspended("Suspended", "spec.suspend is set")
    active, failed = number(status.get("active")), number(status.get("failed"))
    return progressing("Running", f"{active} {'pod' if active == 1 else 'pods'} active, {failed} failed")


def cron_job(obj: Object) -> Health:
    """Suspended is Suspended; Degraded when the last run failed; else Healthy.

    A schedule that never came is Healthy.
    """
    status = mapping(obj, "status")
    if mapping(obj, "spec").get("suspend") is True:
        return suspended("Suspended", "spec.suspend is set")
    scheduled, succeeded = text(status.get("lastScheduleTime")), text(status.get("lastSuccessfulTime"))
    if (
        scheduled and not items(status.get("active")) and succeeded < scheduled
    ):  # both RFC 3339 in UTC: text order is time order
        return degraded("LastRunFailed", f"the run of {scheduled} did not succeed")
    return healthy()


def _scaled(desired: int) -> Health:
    return healthy() if desired else healthy("ScaledToZero", "no pod is wanted")


def _replica_failure(condition: Condition) -> Health:
    message = condition.said("pods cannot be created")
    return degraded("QuotaExceeded" if _QUOTA in message else condition.reason or "ReplicaFailure", message)


def _with_cause(rollout: Condition, failure: Condition) -> str:
    message = rollout.said("the rollout does not progress")
    return text(f"{message}: {failure.message}") if failure.value == "True" and failure.message else message


def _stuck(container: Object) -> Health | None:
    """Degraded where a container waits for a reason that will not pass.

    Those are `…Error`, `Err…`, `…BackOff` and `Invalid…`.
    """
    waiting = mapping(container, "state", "waiting")
    reason = text(waiting.get("reason"))
    if reason in _PATIENT or not (reason.endswith(("Error", "BackOff")) or reason.startswith(("Err", "Invalid"))):
        return None
    message = text(waiting.get("message")) or reason
    if reason == "CrashLoopBackOff":
        message = _ended_badly([container])
    return degraded(reason, text(f"container {text(container.get('name'))}: {message}"))


def _ended_badly(containers: list[Object]) -> str:
    """How the first container that ended badly did."""
    for container in containers:
        for state in ("state", "lastState"):
            ended = mapping(container, state, "terminated")
            code, reason = number(ended.get("exitCode")), text(ended.get("reason"))
            if ended and (code or reason == "OOMKilled"):
                words = text(ended.get("message")) or (reason if reason not in {"Error", ""} else "")
                return f"ended with exit code {code}" + (f": {words}" if words else "")
    return "failed"


TABLE = {
    DEPLOYMENT: deployment,
    REPLICA_SET: replica_set,
    REPLICATION_CONTROLLER: replica_set,
    STATEFUL_SET: stateful_set,
    DAEMON_SET: daemon_set,
    POD: pod,
    JOB: job,
    CRON_JOB: cron_job,
}
