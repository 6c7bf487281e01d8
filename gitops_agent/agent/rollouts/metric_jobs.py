"""Runs Kubernetes Jobs as metrics, each from a suspended template.

Each measurement is a Job of its own. The template is an ordinary, suspended Job in Git beside the policy, so it is validated,
applied and reviewed like everything else. Its copies are dependents of the policy: they are deleted with it, and ten minutes
after they ended.
"""

from __future__ import annotations

import contextlib
import hashlib
from datetime import datetime

from gitops_agent.api.application import API_VERSION
from gitops_agent.api.rollout_metrics import Metric
from gitops_agent.api.rollout_policy import KIND
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Conflict, NotFound
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import GROUP, JOB
from gitops_agent.rollout.analysis.http_query import MeasurementFailed
from gitops_agent.rollout.analysis.metric import Verdict
from gitops_agent.rollout.analysis.providers.job import NAME_LIMIT, job, verdict
from gitops_agent.rollout.canary_objects import ROLLOUT_HASH, fitted

_KEPT_SECONDS = 600
_SERVER = ("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")


class MetricJobs:
    """Starts Jobs of measurements, and reads how they ended.

    Args:
        objects: reads templates, makes and reads Jobs.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def start(self, policy: AppKey, metric: Metric, *, version: str, at: datetime) -> str:
        """Makes the Job of one measurement; returns its name.

        Raises:
            MeasurementFailed: there is no template.
            ClusterError: the API server refused it.
        """
        reference = metric.provider.job
        if reference is None:
            raise MeasurementFailed(f"the metric {metric.name} names no Job")
        namespace = policy.namespace
        try:
            template = self._objects.get(JOB.named(namespace, reference.name))
            owner = self._objects.get(ObjectKey(GROUP, KIND, policy.namespace, policy.name), metadata_only=True)
        except NotFound as error:
            raise MeasurementFailed(f"the Job of the metric {metric.name} cannot be made: {error}") from None
        # The name is of this very measurement, so a repeated start finds the Job it made before.
        moment = hashlib.sha256(f"{policy}/{metric.name}/{version}/{at.isoformat()}".encode()).hexdigest()[:8]
        name = fitted(f"{policy.name}-{metric.name}-{version}-{moment}", limit=NAME_LIMIT)
        measurement = job(_spec(template), name=name, namespace=namespace, labels={ROLLOUT_HASH: version})
        measurement["spec"]["ttlSecondsAfterFinished"] = _KEPT_SECONDS
        measurement["metadata"]["ownerReferences"] = [
            {"apiVersion": API_VERSION, "kind": KIND, "name": policy.name, "uid": owner["metadata"]["uid"]}
        ]
        with contextlib.suppress(Conflict):
            self._objects.create(measurement)
        return name

    def ended(self, policy: AppKey, metric: Metric, name: str) -> tuple[Verdict, str] | None:
        """The verdict of the Job and its reason; None while it runs.

        Raises:
            MeasurementFailed: it is gone.
            ClusterError: the API server did not answer.
        """
        try:
            live = self._objects.get(JOB.named(policy.namespace, name))
        except NotFound:
            raise MeasurementFailed(f"the Job {name} of the metric {metric.name} is gone") from None
        return verdict(live)


def _spec(template: Object) -> Object:
    """The spec of the template, without the fields the API server set."""
    spec = copy(template.get("spec") or {})
    for name in ("selector", "suspend", "manualSelector"):
        spec.pop(name, None)
    pod = spec.get("template")
    labels = ((pod.get("metadata") if isinstance(pod, dict) else None) or {}).get("labels")
    for name in _SERVER:
        if isinstance(labels, dict):
            labels.pop(name, None)
    return spec
