"""Deletes the objects of an Application in the agent's place.

The plan is the one the agent makes for a deleted Application, with the same order and the same exceptions. The command shows
the blast radius, and its confirmation is the approval.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from gitops_agent.api.application import Application
from gitops_agent.api.parse import parse
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.install.bundle import protected
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.preview.dependants import dependants
from gitops_agent.preview.mark_reader import MarkReader
from gitops_agent.preview.owned_objects import owned
from gitops_agent.revision.revision import Revision
from gitops_agent.sync.apply.executor import Executor
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.live.live_object import Snapshot
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.planning.plan import Plan, plan
from gitops_agent.sync.planning.policy import PlanPolicy

_POLL_SECONDS = 0.5
_THREADS = 8


def departure(access: ClusterClient, raw: Object, marks: MarkReader) -> Plan:
    """The plan the agent would make of a deletion now.

    Args:
        access: the cluster.
        raw: the Application.
        marks: verifies those of its objects.

    Raises:
        AgentError: the cluster could not be read, or the spec cannot be followed.
    """
    application = parse(raw)
    snapshot, desired = _snapshot(access, application, marks), _nothing(application)
    policy = PlanPolicy(
        prune=application.spec.sync.prune,
        mode=application.spec.sync.mode,
        application_deleting=True,
        guard=application.spec.sync.deletion_guard,
        agent_namespace=access.namespace,
        protected=protected(access.namespace),
        application_uid=application.uid,
    )
    unweighed = plan(desired, snapshot, policy)
    return plan(desired, snapshot, policy, dependants=dependants(access, unweighed)) if unweighed.changes() else unweighed


def prune_application(access: ClusterClient, raw: Object, *, deadline: float) -> Iterator[tuple[ObjectKey, ...]]:
    """Deletes until nothing is left to delete; yields what is waited for.

    Args:
        access: the cluster.
        raw: the Application.
        deadline: monotonic time.

    Raises:
        AgentError: an object was refused, or is not gone in time, or marks cannot be verified.
    """
    application, marks = parse(raw), verifiable(access)
    desired = _nothing(application)
    policy = PlanPolicy(application_deleting=True, agent_namespace=access.namespace, protected=protected(access.namespace))
    pause = threading.Event()
    before: tuple[ObjectKey, ...] = ()
    with ThreadPoolExecutor(_THREADS) as pool:
        while True:
            snapshot = _snapshot(access, application, marks)
            cache = LiveState()
            for live in snapshot.objects.values():
                cache.put(live)
            unapproved = plan(desired, snapshot, policy)
            todo = plan(desired, snapshot, replace(policy, approved=unapproved.hash))
            if todo.is_empty:
                return
            result = Executor(access.objects, pool, cache).execute(todo)
            refused = next(iter(result.errors.values()), None)
            if refused is not None:
                raise refused
            left = tuple(action.key for action in todo.changes())
            if time.monotonic() > deadline:
                raise AgentError(f"not gone in time: {', '.join(map(str, left[:10]))}", reason="Terminating")
            if left != before:
                yield left
            before = left
            pause.wait(_POLL_SECONDS)


def verifiable(access: ClusterClient) -> MarkReader:
    """What verifies marks before they lead to a deletion.

    Raises:
        AgentError: they cannot be verified.
    """
    marks = MarkReader(access)
    if marks.problem:
        raise AgentError(f"marks cannot be verified, so nothing is deleted: {marks.problem}", reason="MarkUnverified")
    return marks


def _snapshot(access: ClusterClient, application: Application, marks: MarkReader) -> Snapshot:
    objects, unseen = owned(access, application.key)
    live = {observed.key: observed for observed in marks.observed(objects, application.uid)}
    return Snapshot(objects=live, baselines={}, cannot_see=unseen, complete=True)


def _nothing(application: Application) -> Desired:
    return Desired(application=application.key, revision=Revision(repository="", ref="", commit=""), manifests=())
