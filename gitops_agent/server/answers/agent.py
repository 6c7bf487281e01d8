"""The agents of the cluster, and who sends news."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache

from gitops_agent import __version__
from gitops_agent.api.application_row import summary
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.timestamp import timestamp
from gitops_agent.operations.agent_lease import NAME, expired
from gitops_agent.operations.tool_versions import tool_versions
from gitops_agent.server.answers.application import receiver
from gitops_agent.server.answers.call import Answer, Call, now
from gitops_agent.server.code_links import shown_address
from gitops_agent.server.plain_text import plain
from gitops_agent.server.source import Work
from gitops_agent.server.views.agent import (
    AgentView,
    LeaseView,
    LoadView,
    NotifierList,
    NotifierTestView,
    NotifierView,
    QueueView,
    RepositoryView,
    ToolView,
)
from gitops_agent.server.views.base import CannotSee


def agent(call: Call) -> AgentView:
    """Leases, repositories, Notifiers, and what cannot be seen."""
    source = call.service.source
    keys = [key for key in source.applications() if call.viewer.sees(key)]
    lives = [live for key in keys if (live := source.application(key)) is not None]
    namespaces = sorted({key.namespace for key in keys} | {call.viewer.access.namespace})
    blind = [row["message"] for row in map(summary, lives) if row["reason"] == "CannotSee"]
    work = source.work()
    return AgentView(
        version=__version__,
        mode=call.service.mode,
        cluster=call.service.cluster,
        kubernetes=_kubernetes(call.viewer.access),
        leases=tuple(lease for namespace in namespaces if (lease := _lease(call.viewer.access, namespace)) is not None),
        viewers=call.service.viewers(),
        queue=QueueView(ready=work.ready, working=work.working, oldest_seconds=work.oldest_seconds) if work else None,
        load=_load(work),
        cannot_see=tuple(_cannot_see(work, blind)),
        affected=len(blind),
        webhooks=work.webhooks if work else None,
        repositories=tuple(_repositories(lives, work)),
        notifiers=_notifiers(call),
        tools=tuple(ToolView(name=name, version=plain(version)) for name, version in sorted(_tools().items())),
        as_of=now(),
    )


def notifiers(call: Call) -> NotifierList:
    """The Notifiers of the namespaces whose Notifiers the viewer may list."""
    return NotifierList(notifiers=_notifiers(call))


def _notifiers(call: Call) -> tuple[NotifierView, ...]:
    views = []
    for notifier in call.service.source.notifiers(call.viewer.access):
        if call.viewer.rights(str(notifier["metadata"].get("namespace") or "")).may("list", "notifiers"):
            status = notifier.get("status") or {}
            failure = status.get("lastFailure") or {}
            views.append(
                NotifierView(
                    receiver=receiver(notifier),
                    pending=len(status.get("pending") or ()),
                    dropped=int(status.get("dropped") or 0),
                    delivered_at=str(status.get("lastDelivery") or ""),
                    delivered=int(status.get("delivered") or 0),
                    failed_at=str(failure.get("at") or ""),
                    failure=plain(str(failure.get("message") or "")),
                    test=_test(status),
                )
            )
    return tuple(views)


def _test(status: Object) -> NotifierTestView | None:
    test = status.get("test")
    if not test:
        return None
    return NotifierTestView(
        answered=str(test.get("answered") or ""),
        at=str(test.get("at") or ""),
        delivered=test.get("delivered") is True,
        reason=str(test.get("reason") or ""),
        message=plain(str(test.get("message") or "")),
    )


def _load(work: Work | None) -> LoadView | None:
    """From counters of the process, so without a request."""
    if work is None:
        return None
    return LoadView(
        reconciles=work.reconciles,
        api_requests=work.api_requests,
        api_seconds=int(work.api_seconds),
        memory_bytes=work.memory_bytes,
    )


@cache
def _tools() -> dict[str, str]:
    """The programs of this process, which do not change while it runs."""
    return tool_versions()


def _cannot_see(work: Work | None, blind: list[str]) -> Iterator[CannotSee]:
    """Kinds that the agent cannot list, else what Applications say of them."""
    if work is not None and work.cannot_see:
        yield from (CannotSee(kind=kind, why=plain(why)) for kind, why in sorted(work.cannot_see.items()))
        return
    yield from (CannotSee(kind="", why=plain(text)) for text in sorted(set(blind)))


def _repositories(lives: list[Object], work: Work | None) -> list[RepositoryView]:
    """What is followed, the unreadable ones first."""
    polled = _latest(work.polled) if work else {}
    hinted = _latest(work.hinted) if work else {}
    counts: Counter[str] = Counter()
    troubles: dict[str, Object] = {}
    for live in lives:
        address = shown_address(str(((live.get("spec") or {}).get("source") or {}).get("repoURL") or ""))
        counts[address] += 1
        source = (live.get("status") or {}).get("source") or {}
        if source.get("unavailableSince"):
            troubles.setdefault(address, source)
    views = [
        RepositoryView(
            url=address,
            applications=count,
            polled_at=polled.get(address, ""),
            pushed_at=hinted.get(address, ""),
            unavailable_since=str(troubles.get(address, {}).get("unavailableSince") or ""),
            message=plain(str(troubles.get(address, {}).get("message") or "")),
        )
        for address, count in counts.items()
        if address
    ]
    return sorted(views, key=lambda view: (not view.unavailable_since, view.url))


def _latest(times: Mapping[str, datetime]) -> dict[str, str]:
    """Times by the address that is shown."""
    return {shown_address(url): timestamp(at) for url, at in sorted(times.items(), key=lambda item: item[1])}


def _lease(access: ClusterClient, namespace: str) -> LeaseView | None:
    """The Lease of a namespace's agent, read as the viewer."""
    try:
        lease = access.transport.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{NAME}")
    except AgentError:
        return None
    spec = lease.get("spec") or {}
    return LeaseView(
        namespace=namespace,
        holder=str(spec.get("holderIdentity") or ""),
        since=str(spec.get("acquireTime") or ""),
        renewed_at=str(spec.get("renewTime") or ""),
        duration_seconds=int(spec.get("leaseDurationSeconds") or 0),
        leads=not expired(lease, NAME, datetime.now(UTC)),
    )


def _kubernetes(access: ClusterClient) -> str:
    try:
        return str(access.transport.request("GET", "/version")["gitVersion"])
    except (AgentError, KeyError, TypeError):
        return ""


ANSWERS: dict[str, Answer] = {"agent": agent, "notifiers": notifiers}
