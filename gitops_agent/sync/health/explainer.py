"""Explains an unhealthy workload by requests, when its status does not.

At most five small requests for an object, whatever its size: the object, its newest ReplicaSet, fifty of its pods, and either
the last line a crashed container wrote or the events of one pod. A log or event that the agent may not read is left out of the
story; it never makes the explanation fail. Nothing a program wrote leaves here unscrubbed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gitops_agent.cluster.error_text import simplify
from gitops_agent.cluster.listing import pages
from gitops_agent.cluster.objects import Objects
from gitops_agent.cluster.resource import Resource
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.reading import items, mapping, number
from gitops_agent.manifest.selector import query
from gitops_agent.observe.redaction import scrub, scrub_output
from gitops_agent.sync.health.pod_diagnosis import Ask, Finding, first
from gitops_agent.sync.health.reading import notes, text

_PODS = Resource(group="", version="v1", kind="Pod", plural="pods", namespaced=True)
_EVENTS = Resource(group="", version="v1", kind="Event", plural="events", namespaced=True)
_REPLICA_SETS = Resource(group="apps", version="v1", kind="ReplicaSet", plural="replicasets", namespaced=True)

_WORKLOADS = frozenset({"Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "Pod", "Rollout"})
_GROUPS = frozenset({"", "apps", "batch", "argoproj.io"})
_EVENTFUL = frozenset({"PersistentVolumeClaim", "Service"})
_REVISIONS = {"Deployment": "deployment.kubernetes.io/revision", "Rollout": "rollout.argoproj.io/revision"}
_HASHES = ("pod-template-hash", "controller-revision-hash", "rollouts-pod-template-hash")

_LIMIT = 50
_LINE_CHARACTERS = 200
_LOG_BYTES = 4096
_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why an object is not healthy.

    Attributes:
        reason: a code from the table of reasons.
        message: one line, scrubbed.
        certain: whether waiting is not expected to help (a crash loop, an image that cannot be pulled, a wrong configuration),
            so that the object is Degraded at once; otherwise the explanation only decorates what its own health says.
    """

    reason: str
    message: str
    certain: bool


class Explainer:
    """Explains objects of one cluster; safe to share between threads.

    Args:
        objects: the cluster.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def explain(self, key: ObjectKey) -> Explanation | None:
        """The reason for an object's health; None when none is found.

        Args:
            key: of a Deployment, ReplicaSet, StatefulSet, DaemonSet, Job, Pod, Argo Rollout, claim or Service; other kinds say
                themselves what they wait for.

        Raises:
            AgentError: the object or its pods cannot be read.
        """
        return _Question(self._objects, key).answer()


@dataclass(frozen=True, slots=True)
class _Question:
    objects: Objects
    key: ObjectKey

    def answer(self) -> Explanation | None:
        key = self.key
        if key.group == "" and key.kind in _EVENTFUL:
            return self._said_by_events(self._get(), reason="ProvisioningFailed")
        if key.kind not in _WORKLOADS or key.group not in _GROUPS:
            return None
        workload = self._get()
        if key.kind == "Pod":
            return self._of_pods([workload], workload)
        maker = self._newest_replica_set(workload) if key.kind in _REVISIONS else workload
        if maker is None:
            return None
        uid = mapping(maker, "metadata").get("uid")
        pods = [
            pod
            for pod in self._list(_PODS, label_selector=query(mapping(maker, "spec", "selector")))
            if _controlled_by(pod, uid)
        ]
        return self._of_pods(pods, maker) or self._refused(maker, pods)

    def _get(self) -> Object:
        return self.objects.get(self.key)

    def _list(self, resource: Resource, *, label_selector: str = "", field_selector: str = "") -> list[Object]:
        first_page = next(
            pages(
                self.objects.transport,
                resource,
                namespace=self.key.namespace,
                label_selector=label_selector,
                field_selector=field_selector,
                limit=_LIMIT,
                timeout=_SECONDS,
            )
        )
        return first_page.items

    def _newest_replica_set(self, deployment: Object) -> Object | None:
        uid, revision = mapping(deployment, "metadata").get("uid"), _REVISIONS[self.key.kind]
        sets = [
            replica_set
            for replica_set in self._list(_REPLICA_SETS, label_selector=query(mapping(deployment, "spec", "selector")))
            if _controlled_by(replica_set, uid)
        ]
        return max(sets, key=lambda replica_set: number(notes(replica_set).get(revision)), default=None)

    def _of_pods(self, pods: list[Object], maker: Object) -> Explanation | None:
        update = text(mapping(maker, "status").get("updateRevision"))
        diagnosis = first(pods, newer=lambda pod: not update or update in _hashes(pod))
        if diagnosis is None:
            return None
        pod, finding, count = diagnosis
        finding = self._completed(pod, finding)
        more = f" ({count} of {len(pods)} pods)" if count > 1 else ""
        return Explanation(
            reason=finding.reason,
            message=scrub(finding.message) + more,
            certain=finding.certain and self.key.kind != "Job",  # a Job counts its own failures and says when it gives up
        )

    def _completed(self, pod: Object, finding: Finding) -> Finding:
        """The finding, completed by the pod's log or events."""
        if finding.ask is Ask.NOTHING:
            return finding
        try:
            added = self._last_line(pod, finding.container) if finding.ask is Ask.LOG else self._event(pod, finding.ask.value)
        except AgentError:
            added = ""
        return replace(finding, message=f"{finding.message}: {added}") if added else finding

    def _last_line(self, pod: Object, container: str) -> str:
        """The last line the container wrote before it ended."""
        name = text(mapping(pod, "metadata").get("name"))
        restarted = any(
            number(status.get("restartCount")) and not mapping(status, "state", "terminated")
            for kind in ("initContainerStatuses", "containerStatuses")
            for status in items(mapping(pod, "status").get(kind))
            if status.get("name") == container
        )
        query = {"container": container, "tailLines": "1", "limitBytes": str(_LOG_BYTES)}
        answer = self.objects.transport.exchange(
            "GET",
            _PODS.path(self.key.namespace, name, "log"),
            query=query | ({"previous": "true"} if restarted else {}),
            accept="text/plain, */*",
            timeout=_SECONDS,
        )
        # Scrubbed before it is cut: half a credential has no shape to be recognised by.
        return scrub_output(" ".join(answer.body[:_LOG_BYTES].decode("utf-8", "replace").split()))[:_LINE_CHARACTERS]

    def _event(self, obj: Object, reason: str = "") -> str:
        """The newest warning about an object, of one reason or of any."""
        selector = f"involvedObject.uid={mapping(obj, 'metadata').get('uid')},type=Warning"
        events = self._list(_EVENTS, field_selector=selector + (f",reason={reason}" if reason else ""))
        newest = max(events, key=_moment, default=None)
        return _cut(simplify(scrub(text((newest or {}).get("message")))))

    def _said_by_events(self, obj: Object, *, reason: str) -> Explanation | None:
        message = self._event(obj)
        return Explanation(reason=reason, message=message, certain=False) if message else None

    def _refused(self, maker: Object, pods: list[Object]) -> Explanation | None:
        """The reason why pods are not created: a quota, an admission policy."""
        replicas = mapping(maker, "spec").get("replicas", mapping(maker, "status").get("desiredNumberScheduled", 1))
        if len(pods) >= min(number(replicas, 1), _LIMIT):
            return None
        message = self._event(maker, "FailedCreate")
        if not message:
            return None
        reason = "QuotaExceeded" if "exceeded quota" in message else "PodsRefused"
        return Explanation(reason=reason, message=message, certain=False)


def _cut(line: str) -> str:
    return line if len(line) <= _LINE_CHARACTERS else f"{line[: _LINE_CHARACTERS - 1]}…"


def _controlled_by(obj: Object, uid: object) -> bool:
    owners = items(mapping(obj, "metadata").get("ownerReferences"))
    return any(owner.get("controller") and owner.get("uid") == uid for owner in owners)


def _hashes(pod: Object) -> set[str]:
    labels = mapping(pod, "metadata", "labels")
    return {text(labels.get(name)) for name in _HASHES}


def _moment(event: Object) -> str:
    """When an event was seen last, as sortable text."""
    series = mapping(event, "series")
    created = mapping(event, "metadata").get("creationTimestamp")
    return max(
        text(value) for value in (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"), created)
    )
