"""From an Application to D(t): resolve, render, build, claim. No network here: what is not there yet is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from gitops_agent.agent.claims import Claims
from gitops_agent.agent.handover import Handover
from gitops_agent.agent.polling import Polling, SourceState
from gitops_agent.agent.queue import Priority
from gitops_agent.agent.rendering import Rendering
from gitops_agent.api.application import Application
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.errors import AgentError, CannotSee, SourceError, UnknownKind
from gitops_agent.manifest.key import AppKey, GroupKind, ObjectKey
from gitops_agent.render.renderer import KubeFacts, RenderRequest
from gitops_agent.revision.revision import Revision
from gitops_agent.rollout.compose import compose
from gitops_agent.source.sources import Sources
from gitops_agent.sync.action import PlanError
from gitops_agent.sync.desired import Desired, build


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What became of the wish.

    Attributes:
        source: what is known of the repository.
        revision: the newest commit known, None before the first fetch.
        desired: D(t) at that commit; None while it is being made or when it cannot be.
        pending: what is under way, in words; empty when nothing is.
        error: why there is no D(t) at that commit.
    """

    source: SourceState
    revision: Revision | None = None
    desired: Desired | None = None
    pending: str = ""
    error: AgentError | None = None


class Declaring:
    """See the module's text.

    Args:
        polling: what is known of repositories.
        sources: the mirrors.
        rendering: the renders.
        discovery: which kinds are namespaced.
        claims: who declares what.
        handover: who has looked at which commit.
        facts: the cluster as Helm charts may ask about it.
        autoscaled: the workloads whose replicas belong to an autoscaler.
        look: wakes other applications.
    """

    def __init__(
        self,
        polling: Polling,
        sources: Sources,
        rendering: Rendering,
        discovery: Discovery,
        *,
        claims: Claims,
        handover: Handover,
        facts: Callable[[], KubeFacts],
        autoscaled: Callable[[], frozenset[ObjectKey]],
        look: Callable[[AppKey, str, Priority], None],
    ) -> None:
        self._polling, self._sources, self._rendering = polling, sources, rendering
        self._discovery, self._claims, self._handover = discovery, claims, handover
        self._facts, self._autoscaled, self._look = facts, autoscaled, look

    def declare(self, application: Application) -> Declared:
        """D(t), as far as it can be had now."""
        declared = self._declare(application)
        if not declared.pending:
            self._looked(application.key, declared.revision.commit if declared.revision else "")
        return declared

    def stalled(self, application: AppKey) -> None:
        """The application cannot say what it wants: nobody waits for it."""
        self._looked(application, "")

    def _looked(self, application: AppKey, commit: str) -> None:
        for other in sorted(self._handover.looked(application, commit)):
            self._look(other, f"{application} has looked at {commit[:12]}", Priority.COMMIT)

    def _declare(self, application: Application) -> Declared:
        repository, ref = self._polling.use(application)
        state = self._polling.state(repository)
        try:
            revision = self._sources.resolve(repository, ref)
        except SourceError as error:
            if not state.polled:
                return Declared(source=state, pending="the repository is being fetched for the first time")
            return Declared(source=state, error=state.refs.get(ref) or state.error or error)
        try:
            tree = self._sources.tree(repository, revision.commit)
            rendered = self._rendering.rendered(application.key, tree, self._request(application))
            if rendered is None:
                return Declared(source=state, revision=revision, pending=f"{revision.short} is being rendered")
            desired = build(
                rendered.manifests,
                application=application.key,
                revision=revision,
                namespace=application.namespace,
                scope=self._namespaced,
                create_namespace=application.spec.destination.create_namespace,
                autoscaled=self._autoscaled(),
                ignore_fields=application.spec.sync.ignore_fields,
            )
            self._claim(desired)
        except AgentError as error:
            return Declared(source=state, revision=revision, error=error)
        return Declared(
            source=state, revision=revision, desired=compose(replace(desired, warnings=(*rendered.warnings, *desired.warnings)))
        )

    def forget(self, application: AppKey) -> None:
        """Drops everything about an application, and wakes those that waited for its objects."""
        self._polling.forget(application)
        self._rendering.forget(application)
        self.release(application)
        for other in sorted(self._handover.forget(application)):
            self._look(other, f"{application} is gone", Priority.COMMIT)

    def release(self, application: AppKey) -> None:
        """Lets go of the application's objects: whoever else declares one takes it over."""
        for other in sorted(self._claims.release(application)):
            self._look(other, f"{application} let go of its objects", Priority.COMMIT)

    def _request(self, application: Application) -> RenderRequest:
        return RenderRequest(
            application=application.key,
            path=application.spec.source.path,
            options=application.spec.render,
            namespace=application.namespace,
            facts=self._facts(),
        )

    def _claim(self, desired: Desired) -> None:
        """Takes the objects for this application.

        Raises:
            PlanError: another application declares some of them.
        """
        places = desired.claimed
        conflicts, woken = self._claims.claim(desired.application, places)
        for other in sorted(woken):
            self._look(other, f"{desired.application} let go of an object", Priority.COMMIT)
        if conflicts:
            key, holder = min(conflicts.items())
            more = f" (and {len(conflicts) - 1} more objects)" if len(conflicts) > 1 else ""
            raise PlanError(
                f"{key}, declared in {places[key]}, is already declared by Application {holder}{more}",
                reason="OwnedByAnother",
                objects=[str(one) for one in sorted(conflicts)],
            )

    def _namespaced(self, kind: GroupKind) -> bool | None:
        try:
            return self._discovery.find(kind.group, kind.kind).namespaced
        except (UnknownKind, CannotSee):
            return None
