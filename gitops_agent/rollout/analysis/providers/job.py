"""Kubernetes Job as a metric: completion is a success."""

from __future__ import annotations

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.analysis.http_query import QueryInvalid
from gitops_agent.rollout.analysis.metric import Verdict

NAME_LIMIT = 63


def job(spec: Object, *, name: str, namespace: str, labels: dict[str, str]) -> Object:
    """The Job of one measurement, ready to be created.

    Args:
        spec: as in a Job; `backoffLimit` is 0 where it does not say, because one measurement is one attempt.
        name: of the Job, unique for the measurement.
        namespace: of the Job.
        labels: marks of the rollout, on the Job and its pods.

    Raises:
        QueryInvalid: the spec has no pod template, or the name is too long.
    """
    template = spec.get("template")
    if not isinstance(template, dict) or not isinstance(template.get("spec"), dict) or not template["spec"].get("containers"):
        raise QueryInvalid("the Job of a metric needs spec.template.spec.containers")
    if not name or len(name) > NAME_LIMIT:
        raise QueryInvalid(f"the name {name[:80]!r} of a metric's Job needs 1 to {NAME_LIMIT} characters")
    job_spec = copy(spec)
    job_spec.setdefault("backoffLimit", 0)
    job_spec["template"]["spec"].setdefault("restartPolicy", "Never")
    metadata = job_spec["template"].get("metadata") or {}
    job_spec["template"]["metadata"] = metadata | {"labels": {**(metadata.get("labels") or {}), **labels}}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": job_spec,
    }


def verdict(live: Object) -> tuple[Verdict, str] | None:
    """What a live Job says, with why; None while it runs."""
    status = live.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else None
    for condition in conditions if isinstance(conditions, list) else []:
        if not isinstance(condition, dict) or condition.get("status") != "True":
            continue
        if condition.get("type") == "Complete":
            return Verdict.SUCCESS, ""
        if condition.get("type") == "Failed":
            reason = condition.get("message") or condition.get("reason") or "the Job failed"
            return Verdict.FAILURE, " ".join(str(reason).split())[:200]
    return None
