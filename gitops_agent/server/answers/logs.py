"""Logs of a pod or workload, read or followed as the viewer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, UsageError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.operations.log_follower import Container
from gitops_agent.preview.owned_objects import children
from gitops_agent.server.answers.call import Answer, Call
from gitops_agent.server.answers.listing import number
from gitops_agent.server.answers.objects import containers_of, named_key, object_name, owned_object
from gitops_agent.server.plain_text import plain
from gitops_agent.server.views.timeline import LogLine, LogView

_CONTAINERS = 10
_BYTES = 1 << 20
_LINE_LETTERS = 16_384
_STAMPED = re.compile(r"(\d{4}-\d\d-\d\dT\S+) (.*)", re.DOTALL)
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTarget:
    """Which logs to read, and how.

    Attributes:
        key: the pod or workload.
        containers: of its pods, the newest pod first.
        query: of each log.
        problem: what was left out.
    """

    key: ObjectKey
    containers: tuple[Container, ...]
    query: dict[str, str]
    problem: str = ""


def logs(call: Call) -> LogView:
    """The last lines of the pods of an object."""
    target, access = log_target(call), call.access(call.key.namespace)
    lines: list[LogLine] = []
    problems = [target.problem] if target.problem else []
    for container in target.containers:
        try:
            lines += _read(access, container, target.query)
        except AgentError as error:
            problems.append(f"{container}: {error}")
    lines.sort(key=lambda line: line.at)
    previous = call.query["previous"] == "true"
    return LogView(object=object_name(target.key), lines=tuple(lines), previous=previous, problem=plain("; ".join(problems)))


def log_target(call: Call) -> LogTarget:
    """The logs that a request names, whether they are read or followed.

    Raises:
        NotFound: there is no such object that the viewer may see.
        UsageError: a parameter is wrong.
    """
    call.application()
    access, key = call.access(call.key.namespace), named_key(call)
    follow, previous = call.query["follow"] == "true", call.query["previous"] == "true"
    if follow and previous:
        raise UsageError("follow=true and previous=true exclude each other: what ran before the restart writes no more")
    query = {
        "tailLines": str(number(call.query["tail"], "tail", lowest=1, highest=5_000)),
        "timestamps": "true",
        "previous": str(previous).lower(),
    }
    if call.query["since"]:
        query |= {"sinceTime": _time(call.query["since"])}
    if not follow:
        query |= {"limitBytes": str(_BYTES)}
    named = call.query["container"]
    listed = [
        Container(namespace=str(pod["metadata"]["namespace"]), pod=str(pod["metadata"]["name"]), name=name)
        for pod in _pods(access, owned_object(call, key))
        for name in containers_of(pod, every=bool(named))
        if named in ("", name)
    ]
    problem = f"{_CONTAINERS} of {len(listed)} containers are shown: choose one" if len(listed) > _CONTAINERS else ""
    return LogTarget(key=key, containers=tuple(listed[:_CONTAINERS]), query=query, problem=problem)


def log_line(container: Container, raw: bytes) -> LogLine:
    """A line with the time that the API server puts before it."""
    text = raw.decode("utf-8", "replace")
    match = _STAMPED.match(text)
    at, text = (match[1], match[2]) if match else ("", text)
    return LogLine(at=at, pod=container.pod, container=container.name, text=_CONTROL.sub("", text[:_LINE_LETTERS]))


def _read(access: ClusterClient, container: Container, query: dict[str, str]) -> Iterator[LogLine]:
    answer = access.transport.exchange("GET", container.path, query=query | {"container": container.name}, accept="*/*")
    return (log_line(container, line) for line in answer.body.splitlines())


def _time(text: str) -> str:
    """A time of the address, in whole seconds.

    Raises:
        UsageError: it is none.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or len(text) > 40:  # noqa: PLR2004 - nanoseconds and an offset
        raise UsageError(f"since={text[:40]}: say a time such as 2026-01-31T12:00:00Z")
    return at.isoformat(timespec="seconds")


def _pods(access: ClusterClient, obj: Object) -> Iterator[Object]:
    """The pods that an object is, or owns, newest first."""
    if obj["kind"] == "Pod":
        yield obj
        return
    below, _ = children(access, [obj])
    todo, pods = [obj], []
    while todo:
        for part in below.get(str(todo.pop()["metadata"]["uid"]), ()):
            if part["kind"] == "Pod":
                pods.append(part)
            todo.append(part)
    yield from sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""), reverse=True)


ANSWERS: dict[str, Answer] = {"logs": logs}
