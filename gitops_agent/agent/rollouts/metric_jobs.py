"""Runs Kubernetes Jobs as metrics, each from a suspended template.

Each measurement is a Job of its own. The template is an ordinary, suspended Job in Git beside the policy, so it is validated,
applied and reviewed like everything else. Its copies are dependents of the policy: they are deleted with it, and ten minutes
after they ended. Problem: an author of policies must not start what others made, nor with other rights than their own, and
a Job that never ends must not hold a rollout. Decision: a template is suspended and of the same Application, its copies are
made with the rights of that Application's account, and each has a deadline; one nothing waits for any more is deleted.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from gitops_agent.api.application import API_VERSION
from gitops_agent.api.durations import format_duration
from gitops_agent.api.rollout_metrics import Metric
from gitops_agent.api.rollout_policy import KIND
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.resource import Resource
from gitops_agent.errors import Conflict, NotFound
from gitops_agent.manifest import marks
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import GROUP, JOB
from gitops_agent.observe.log import logger
from gitops_agent.rollout.analysis.http_query import MeasurementFailed
from gitops_agent.rollout.analysis.metric import Verdict
from gitops_agent.rollout.analysis.providers.job import NAME_LIMIT, job, verdict
from gitops_agent.rollout.canary_objects import ROLLOUT_HASH, fitted
from gitops_agent.sync.health import pod_diagnosis

JOB_TIMEOUT = timedelta(minutes=10)
"""How long a Job may take where neither metric nor template says it."""

_log = logger("rollout")
_KEPT_SECONDS = 600
_GRACE_SECONDS = 60
_SERVER = ("controller-uid", "job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name")
_JOBS = Resource(group="batch", version="v1", kind="Job", plural="jobs", namespaced=True)
_PODS = Resource(group="", version="v1", kind="Pod", plural="pods", namespaced=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobScope:
    """Whose Jobs, and with which rights.

    Attributes:
        policy: namespace and name of the policy.
        application: the Application that declares the policy and the templates.
        user: the account whose rights are used; None for the agent's own.
    """

    policy: AppKey
    application: AppKey
    user: str | None = None


class MetricJobs:
    """Starts Jobs of measurements, reads how they ended, and ends them.

    Args:
        objects: reads templates, makes, reads and deletes Jobs.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    @staticmethod
    def name(policy: AppKey, metric: Metric, *, version: str, at: datetime) -> str:
        """The name of a measurement's Job; a repeated start finds it."""
        moment = hashlib.sha256(f"{policy}/{metric.name}/{version}/{at.isoformat()}".encode()).hexdigest()[:8]
        return fitted(f"{policy.name}-{metric.name}-{version}-{moment}", limit=NAME_LIMIT)

    def start(self, scope: JobScope, metric: Metric, name: str, *, version: str) -> timedelta:
        """Makes the Job of one measurement; returns how long it may take.

        Raises:
            MeasurementFailed: there is no template, or it is none.
            ClusterError: the API server refused it.
        """
        reference = metric.provider.job
        if reference is None:
            raise MeasurementFailed(f"the metric {metric.name} names no Job")
        policy = scope.policy
        try:
            template = self._objects.get(JOB.named(policy.namespace, reference.name))
            owner = self._objects.get(ObjectKey(GROUP, KIND, policy.namespace, policy.name), metadata_only=True)
        except NotFound as error:
            raise MeasurementFailed(f"the Job of the metric {metric.name} cannot be made: {error}") from None
        if (template.get("spec") or {}).get("suspend") is not True:
            raise MeasurementFailed(f"the Job {reference.name} is no template: it needs spec.suspend: true")
        if marks.owner(template) != scope.application:
            raise MeasurementFailed(f"the Job {reference.name} is not of the Application {scope.application} and is not run")
        spec = _spec(template)
        timeout = _timeout(metric, spec)
        measurement = job(spec, name=name, namespace=policy.namespace, labels={ROLLOUT_HASH: version})
        measurement["spec"]["ttlSecondsAfterFinished"] = _KEPT_SECONDS
        # Ends the Job also where no agent is there to do it.
        measurement["spec"].setdefault("activeDeadlineSeconds", int(timeout.total_seconds()) + _GRACE_SECONDS)
        measurement["metadata"]["ownerReferences"] = [
            {"apiVersion": API_VERSION, "kind": KIND, "name": policy.name, "uid": owner["metadata"]["uid"]}
        ]
        with contextlib.suppress(Conflict):
            self._objects.create(measurement, as_user=scope.user)
        return timeout

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

    def expire(self, scope: JobScope, name: str, timeout: timedelta) -> str:
        """Ends a Job that took too long; returns why it did.

        Raises:
            ClusterError: the API server refused it, or did not answer.
        """
        listing = self._objects.list(_PODS, namespace=scope.policy.namespace, label_selector=f"job-name={name}")
        worst = pod_diagnosis.first(listing.items)
        self.end(scope, name)
        why = "" if worst is None else f": {worst[1].message}"
        return f"the Job {name} did not end within {format_duration(timeout)}{why}"

    def end(self, scope: JobScope, name: str) -> None:
        """Deletes a Job with its pods.

        Raises:
            ClusterError: the API server refused it, or did not answer.
        """
        key = JOB.named(scope.policy.namespace, name)
        with contextlib.suppress(NotFound):
            uid = str(self._objects.get(key, metadata_only=True)["metadata"]["uid"])
            self._objects.delete(key, uid=uid, propagation="Background", as_user=scope.user)

    def sweep(self, scope: JobScope, needed: Callable[[], Collection[str]]) -> None:
        """Deletes the running Jobs of a policy that nothing waits for.

        Args:
            scope: whose.
            needed: names of those that are waited for; asked after the Jobs were listed.

        Raises:
            ClusterError: the API server refused it, or did not answer.
        """
        listing = self._objects.list(_JOBS, namespace=scope.policy.namespace, label_selector=ROLLOUT_HASH)
        running = [live for live in listing.items if _of(live, scope.policy) and verdict(live) is None]
        waited = needed()
        for live in running:
            name = str(live["metadata"]["name"])
            if name not in waited:
                _log.info("a Job that nothing waits for is ended", policy=str(scope.policy), job=name)
                self.end(scope, name)


def _of(live: Object, policy: AppKey) -> bool:
    """Whether a live Job is a measurement of a policy."""
    references = live["metadata"].get("ownerReferences") or ()
    return any((reference.get("kind"), reference.get("name")) == (KIND, policy.name) for reference in references)


def _timeout(metric: Metric, spec: Object) -> timedelta:
    """The time for a Job: the metric's, or beyond its own deadline."""
    own = spec.get("activeDeadlineSeconds")
    if metric.timeout is not None or not isinstance(own, int):
        return metric.timeout or JOB_TIMEOUT
    return timedelta(seconds=own + _GRACE_SECONDS)


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
