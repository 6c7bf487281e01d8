"""What is wrong with a pod, read from the pod alone: pure.

A workload's own status says how many pods are missing and never why. The pod says it in six different places: the condition of
the scheduler, the waiting or terminated state of a container (and of its last run), its readiness, its phase. This module knows
these places and ranks what it finds: what cannot go away by itself first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping, number
from gitops_agent.observe.redaction import scrub_output
from gitops_agent.sync.health.reading import Conditions, text

_CERTAIN_RESTARTS = 2
_CONFIG = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "PreStartHookError"})
_IMAGE_FINAL = frozenset({"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})
_IMAGE = _IMAGE_FINAL | {"ErrImagePull", "ImageInspectError", "RegistryUnavailable", "SignatureValidationFailed"}
_DEFINITE = ("not found", "manifest unknown", "unauthorized", "denied", "forbidden", "no match for platform")
_STARTING = frozenset({"ContainerCreating", "PodInitializing"})


class Ask(StrEnum):
    """What else would complete the story."""

    NOTHING = ""
    LOG = "log"
    PROBE = "Unhealthy"
    MOUNT = "FailedMount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong with one pod.

    Attributes:
        reason: a code from the table of reasons.
        message: one line.
        certain: whether waiting is not expected to help.
        container: the container it is about; empty for the pod.
        ask: what else would complete the story.
    """

    reason: str
    message: str
    certain: bool = False
    container: str = ""
    ask: Ask = Ask.NOTHING


_RANKS = (
    "ContainerConfigError",
    "ImagePullFailed",
    "CrashLoop",
    "PodFailed",
    "Unschedulable",
    "MountFailed",
    "ProbeFailed",
    "InitStuck",
    "NotReady",
)


def rank(finding: Finding) -> tuple[bool, int]:
    """Sorts the most telling finding first."""
    return (not finding.certain, _RANKS.index(finding.reason))


def diagnose(pod: Object) -> Finding | None:
    """The fault of a pod; None when healthy or terminating."""
    if mapping(pod, "metadata").get("deletionTimestamp") or mapping(pod, "status").get("phase") == "Succeeded":
        return None
    return min(_findings(pod), key=rank, default=None)


def _findings(pod: Object) -> Iterator[Finding]:
    status, conditions = mapping(pod, "status"), Conditions.of(pod)
    if conditions.false("PodScheduled"):
        scheduled = conditions["PodScheduled"]
        yield Finding(reason="Unschedulable", message=scheduled.said("no node has been found"))
        return
    sidecars = {text(c.get("name")) for c in items(mapping(pod, "spec").get("initContainers")) if c.get("restartPolicy")}
    initial = items(status.get("initContainerStatuses"))
    for container in initial:
        yield from _container(container, "init container")
    for container in items(status.get("containerStatuses")):
        yield from _container(container, "container")
    if status.get("phase") == "Failed":
        yield Finding(reason="PodFailed", message=text(status.get("message")) or text(status.get("reason")) or "the pod failed")
        return
    if stuck := [c for c in initial if "running" in mapping(c, "state") and text(c.get("name")) not in sidecars]:
        name = text(stuck[0].get("name"))
        yield Finding(reason="InitStuck", message=f"init container {name} has not ended yet", container=name)
    elif conditions.false("Ready"):
        yield from _unready(status, conditions)


def _container(container: Object, what: str) -> Iterator[Finding]:
    name = text(container.get("name"))
    waiting = mapping(container, "state", "waiting")
    reason, detail = text(waiting.get("reason")), text(waiting.get("message"))
    if reason in _CONFIG:
        yield Finding(reason="ContainerConfigError", message=f"{what} {name}: {detail or reason}", certain=True, container=name)
    elif reason in _IMAGE:
        message = detail or f"{reason} of {text(container.get('image'))}"
        yield Finding(
            reason="ImagePullFailed", message=f"{what} {name}: {message}", certain=_final(reason, message), container=name
        )
    elif not container.get("ready") and (ended := _ended(container)) is not None:
        restarts = number(container.get("restartCount"))
        again = f" ({restarts} restarts)" if restarts > 1 else ""
        message = f"{what} {name} ended with {_exit(ended)}{again}"
        words = scrub_output(_last_line(ended.get("message")))
        yield Finding(
            reason="CrashLoop",
            message=f"{message}: {words}" if words else message,
            certain=restarts >= _CERTAIN_RESTARTS,
            container=name,
            ask=Ask.NOTHING if words else Ask.LOG,
        )


def _final(reason: str, message: str) -> bool:
    """Whether an image will not come.

    The kubelet alternates between the error and the back-off; where the registry's answer was definite both count, so that the
    verdict does not flap with them.
    """
    return reason in _IMAGE_FINAL or any(word in message for word in _DEFINITE)


def _ended(container: Object) -> Object | None:
    """The last end of a container that was no success."""
    for state in ("state", "lastState"):
        ended = mapping(container, state, "terminated")
        if ended and (number(ended.get("exitCode")) or text(ended.get("reason")) == "OOMKilled"):
            return ended
    return None


def _last_line(value: object) -> str:
    """The last line with text: those before it are mostly a traceback."""
    lines = value.splitlines() if isinstance(value, str) else []
    return next((stripped for line in reversed(lines) if (stripped := text(line))), "")


def _exit(ended: Object) -> str:
    code, reason = number(ended.get("exitCode")), text(ended.get("reason"))
    named = f", {reason}" if reason not in {"", "Error", "Completed"} else ""
    return f"exit code {code}{named}"


def _unready(status: Object, conditions: Conditions) -> Iterator[Finding]:
    containers = items(status.get("containerStatuses"))
    for container in containers:
        name = text(container.get("name"))
        if "running" in mapping(container, "state") and not container.get("ready"):
            message = f"container {name} runs but is not ready"
            yield Finding(reason="ProbeFailed", message=message, container=name, ask=Ask.PROBE)
            return
    waits = [text(mapping(c, "state", "waiting").get("reason")) for c in containers]
    if any(reason in _STARTING for reason in waits):
        yield Finding(reason="MountFailed", message="its containers are being created", ask=Ask.MOUNT)
    elif conditions.true("ContainersReady"):
        yield Finding(reason="NotReady", message=conditions["Ready"].said("a readiness gate is not met"))


def first(pods: Iterable[Object], *, newer: Callable[[Object], bool] = lambda _: True) -> tuple[Object, Finding, int] | None:
    """The most telling finding of pods, and how many share its reason.

    Newer pods come first.
    """
    findings = [(pod, finding) for pod in pods if (finding := diagnose(pod)) is not None]
    if not findings:
        return None
    pod, finding = min(findings, key=lambda entry: (not newer(entry[0]), rank(entry[1]), _name(entry[0])))
    return pod, finding, sum(other.reason == finding.reason for _, other in findings)


def _name(pod: Object) -> str:
    return text(mapping(pod, "metadata").get("name"))
