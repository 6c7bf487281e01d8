"""From an Application to what a commit declares: resolve, render, build, claim. No network: what is not there is asked for.

What was built stays as long as nothing it was built from changes, so the reconciles in between (health, drift, another
application's commit) build nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.agent.desired.poller import SourcePoller, SourceState
from gitops_agent.agent.desired.prune_barrier import PruneBarrier
from gitops_agent.agent.desired.render_pool import HEAD, RenderPool
from gitops_agent.agent.ports import Wake
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.errors import AgentError, CannotSee, SourceError, UnknownKind
from gitops_agent.manifest.key import AppKey, GroupKind, ObjectKey
from gitops_agent.render.renderer import KubeFacts, Rendered, RenderRequest
from gitops_agent.revision.revision import Revision
from gitops_agent.source.sources import Sources
from gitops_agent.sync.action import PlanError
from gitops_agent.sync.desired import Desired, build


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredState:
    """What became of the wish.

    Attributes:
        source: what is known of the repository.
        revision: the newest commit known, None before the first fetch.
        desired: what that commit declares; None while it is being made or when it cannot be.
        pending: what is under way, in words; empty when nothing is.
        error: why that is not known.
    """

    source: SourceState
    revision: Revision | None = None
    desired: Desired | None = None
    pending: str = ""
    error: AgentError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    """A desired state and what it was built from."""

    rendered: Rendered
    application: Application
    autoscaled: frozenset[ObjectKey]
    desired: Desired

    def of(self, rendered: Rendered, application: Application, autoscaled: frozenset[ObjectKey]) -> bool:
        mine = self.application
        same = (mine.uid, mine.generation) == (application.uid, application.generation)
        return self.rendered is rendered and same and self.autoscaled == autoscaled


class DeclaredStateLoader:
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
        polling: SourcePoller,
        sources: Sources,
        rendering: RenderPool,
        discovery: Discovery,
        *,
        claims: ClaimRegistry,
        handover: PruneBarrier,
        facts: Callable[[], KubeFacts],
        autoscaled: Callable[[], frozenset[ObjectKey]],
        look: Wake,
    ) -> None:
        self._polling, self._sources, self._rendering = polling, sources, rendering
        self._discovery, self._claims, self._handover = discovery, claims, handover
        self._facts, self._autoscaled, self._look = facts, autoscaled, look
        self._built: dict[tuple[AppKey, str], _Built] = {}
        self._more: dict[AppKey, frozenset[ObjectKey]] = {}

    def declare(self, application: Application) -> DeclaredState:
        """What the newest commit declares, as far as it can be had now."""
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

    def _declare(self, application: Application) -> DeclaredState:
        repository, ref = self._polling.use(application)
        state = self._polling.state(repository)
        try:
            revision = self._sources.resolve(repository, ref)
        except SourceError as error:
            if not state.polled:
                return DeclaredState(source=state, pending="the repository is being fetched for the first time")
            return DeclaredState(source=state, error=state.refs.get(ref) or state.error or error)
        try:
            desired = self._desired(application, revision, slot=HEAD)
            if desired is not None:
                self._claim(desired)
        except AgentError as error:
            return DeclaredState(source=state, revision=revision, error=error)
        if desired is None:
            return DeclaredState(source=state, revision=revision, pending=f"{revision.short} is being rendered")
        return DeclaredState(source=state, revision=revision, desired=desired)

    def at(self, application: Application, commit: str, *, slot: str) -> Desired | None:
        """What another commit declares; None while it is being rendered.

        Args:
            application: whose.
            commit: a commit of its repository.
            slot: what the commit is needed as, e.g. `stable`.

        Raises:
            SourceError: the commit is not there (any more).
            RenderError: it does not render.
        """
        repository, ref = self._polling.use(application)
        revision = replace(self._sources.resolve(repository, ref), commit=commit)
        return self._desired(application, revision, slot=slot)

    def keep(self, application: AppKey, slots: frozenset[str]) -> None:
        """Drops the commits that are needed no longer."""
        self._rendering.keep(application, slots)
        for key in [key for key in self._built if key[0] == application and key[1] not in {HEAD, *slots}]:
            del self._built[key]

    def _desired(self, application: Application, revision: Revision, *, slot: str) -> Desired | None:
        repository, _ = self._polling.use(application)
        tree = self._sources.tree(repository, revision.commit)
        rendered = self._rendering.rendered(application.key, tree, self._request(application), slot=slot)
        if rendered is None:
            return None
        autoscaled = self._autoscaled()
        built = self._built.get((application.key, slot))
        if built is None or not built.of(rendered, application, autoscaled):
            desired = build(
                rendered.manifests,
                application=application.key,
                revision=revision,
                namespace=application.namespace,
                scope=self._namespaced,
                create_namespace=application.spec.destination.create_namespace,
                autoscaled=autoscaled,
                ignore_fields=application.spec.sync.ignore_fields,
            )
            desired = replace(desired, warnings=(*rendered.warnings, *desired.warnings))
            # What the cluster did not know yet is looked up again the next time.
            built = _Built(rendered=rendered, application=application, autoscaled=autoscaled, desired=desired)
            if not desired.unscoped:
                self._built[application.key, slot] = built
        desired = built.desired
        return desired if desired.revision == revision else replace(desired, revision=revision)

    def forget(self, application: AppKey) -> None:
        """Drops everything about an application, and wakes those that waited for its objects."""
        self._polling.forget(application)
        self._rendering.forget(application)
        for key in [key for key in self._built if key[0] == application]:
            del self._built[key]
        self._more.pop(application, None)
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

    def claim_more(self, application: AppKey, declared: Desired | None, keys: Iterable[ObjectKey]) -> frozenset[ObjectKey]:
        """Takes what a rollout adds to what the newest commit declares: the stable version's objects, and its own.

        Returns:
            Those of them that another application declares: they are that one's.
        """
        places = declared.claimed if declared is not None else {}
        more = frozenset(keys) - places.keys()
        self._more[application] = more
        return self._conflicts(application, {*places, *more}) & more if declared is not None else frozenset()

    def _conflicts(self, application: AppKey, keys: Iterable[ObjectKey]) -> frozenset[ObjectKey]:
        conflicts, woken = self._claims.claim(application, keys)
        for other in sorted(woken):
            self._look(other, f"{application} let go of an object", Priority.COMMIT)
        return frozenset(conflicts)

    def _claim(self, desired: Desired) -> None:
        """Takes the objects for this application.

        Raises:
            PlanError: another application declares some of them.
        """
        places = desired.claimed
        more = self._more.get(desired.application, frozenset())
        held, woken = self._claims.claim(desired.application, places.keys() | more)
        for other in sorted(woken):
            self._look(other, f"{desired.application} let go of an object", Priority.COMMIT)
        conflicts = {key: holder for key, holder in held.items() if key in places}
        if conflicts:
            key, holder = min(conflicts.items())
            others = f" (and {len(conflicts) - 1} more objects)" if len(conflicts) > 1 else ""
            raise PlanError(
                f"{key}, declared in {places[key]}, is already declared by Application {holder}{others}",
                reason="OwnedByAnother",
                objects=[str(one) for one in sorted(conflicts)],
            )

    def _namespaced(self, kind: GroupKind) -> bool | None:
        try:
            return self._discovery.find(kind.group, kind.kind).namespaced
        except (UnknownKind, CannotSee):
            return None
