"""Credentials of chart repositories, and earlier choices from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from gitops_agent.agent.stores.secrets import SecretStore
from gitops_agent.api.application import Application
from gitops_agent.api.source_options import ChartSpec
from gitops_agent.manifest.reading import mapping
from gitops_agent.source.chart.chart_ref import ChartLock, ChartRef, ChartSource
from gitops_agent.source.chart.credentials import ChartCredentials
from gitops_agent.source.chart.dependency import LOCKED
from gitops_agent.source.chart.repository import ChartAccess
from gitops_agent.source.chart.republication import accepted
from gitops_agent.source.chart.signers import policies
from gitops_agent.source.ref import Ref
from gitops_agent.source.repository import Repository

_CHART_SECONDS = 60.0
"""The shortest interval of polling charts where the spec names none."""


def chart_access(secrets: SecretStore, repository: ChartSource, refs: Iterable[Ref] = ()) -> ChartAccess:
    """The repository with its current credentials and keys of signers.

    Raises:
        HostRefused: a host may not receive them.
        AgentError: the Secret is missing, or cannot be used.
    """
    signers = policies(refs, lambda namespace, name: secrets.read(namespace, name).data)
    if not repository.secret:
        return ChartAccess(url=repository.url, hosts=repository.hosts, signers=signers)
    namespace, _, name = repository.secret.partition("/")
    for host in repository.hosts:
        secrets.git_credentials(namespace, name, host.partition(":")[0])
    credentials = ChartCredentials.from_secret(secrets.git_credentials(namespace, name, repository.host))
    owner = secrets.read(namespace, name).hosts
    return ChartAccess(url=repository.url, credentials=credentials, hosts=repository.hosts, secret=owner, signers=signers)


def secrets_of(repository: Repository, ref: Ref) -> frozenset[str]:
    """The Secrets that decide what a reference resolves to."""
    signers = ref.signers if isinstance(ref, ChartRef) else None
    return frozenset({repository.secret} if signers is None else {repository.secret, signers.secret})


def recorded_locks(application: Application, repository: str) -> tuple[ChartLock, ...]:
    """The versions that the status of an Application names, of that repository."""
    source = mapping(application.status.get("source"))
    dependencies = source.get("dependencies")
    rows = [(mapping(row), LOCKED) for row in dependencies] if isinstance(dependencies, list) else []
    locks = (_lock(row, once, repository) for row, once in [(mapping(source.get("chart")), ""), *rows])
    republication = accepted(application)
    content = republication.content if republication is not None and republication.repository == repository else ""
    present = (lock for lock in locks if lock is not None)
    return tuple(replace(lock, accepted=f"{lock.version}@{lock.digest}" == content) for lock in present)


def _lock(chart: Mapping[str, Any], once: str, repository: str) -> ChartLock | None:
    """What a status says of a chart, of that repository."""
    try:
        if chart["repository"] != repository:
            return None
        moment = datetime.fromisoformat(str(chart["resolvedAt"]))
        name, range_, version, digest = (str(chart[field]) for field in ("name", "range", "version", "digest"))
        once = str(chart.get("parent") or once)
    except (KeyError, ValueError):
        return None
    if moment.tzinfo is None:
        return None
    return ChartLock(name=name, range=range_, version=version, digest=digest, resolved_at=moment, once=once)


def poll_seconds(application: Application, chart: ChartSpec | None) -> float:
    """How often an Application wants its source, or its chart, polled."""
    interval = application.spec.sync.interval.total_seconds()
    if chart is None:
        return interval
    return chart.interval.total_seconds() if chart.interval is not None else max(interval, _CHART_SECONDS)
