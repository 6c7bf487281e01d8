"""Loads what a commit declares: resolve, render, build, claim.

There is no network in it: what is missing is requested.
What was built stays as long as nothing it was built from changes, so the reconciles in between (health, drift, another
application's commit) build nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gitops_agent.agent.desired.beside_sources import BesideSources
from gitops_agent.agent.desired.claims import ClaimRegistry
from gitops_agent.agent.desired.commit_verifier import CommitVerifier, demanded
from gitops_agent.agent.desired.pinned_inputs import PinnedInputs
from gitops_agent.agent.desired.poller import SourcePoller
from gitops_agent.agent.desired.prune_barrier import PruneBarrier
from gitops_agent.agent.desired.render_inputs import RenderInputs, ResolvedInputs
from gitops_agent.agent.desired.render_pool import HEAD, RenderPool
from gitops_agent.agent.desired.source_state import SourceState
from gitops_agent.agent.ports import Wake
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.agent.work_queue import Priority
from gitops_agent.api.application import Application
from gitops_agent.api.problems import SpecInvalid
from gitops_agent.cluster.discovery import Discovery
from gitops_agent.errors import AgentError, CannotSee, RenderError, SourceError, UnknownKind
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.revision_name import base_of, chart_of, short
from gitops_agent.render.request import KubeFacts, Rendered, RenderRequest
from gitops_agent.revision.revision import DependencyRevision, Revision
from gitops_agent.revision.tree import Tree
from gitops_agent.source.chart.chart_ref import ChartSource
from gitops_agent.source.repository import Repository
from gitops_agent.source.signature.judgement import Judgement
from gitops_agent.sync.cluster_pin import refuse_foreign
from gitops_agent.sync.desired import Desired, build
from gitops_agent.sync.generated_values import with_live_values
from gitops_agent.sync.planning.crd_upgrade import versions

_HEALTHY = "healthy"
"""The render slot of the commit that is applied in place of a rejected one."""
_REVIEWED = 20
"""Conflicts of one pass whose accounts are compared; the others are compared later or stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredState:
    """What the newest commit declares, or why that is not known.

    Attributes:
        source: what is known of the repository.
        revision: the newest commit known that may be followed, None before the first fetch.
        desired: what that commit declares; None while it is being rendered or when it cannot be.
        pending: what is under way, in words; empty when nothing is.
        error: why `desired` is not known.
        judgement: on the signatures of the newest commits; None when none are demanded, or while they are verified.
        claimed: all declared objects were claimed; false while a kind is being listed.
        verifying: the signature of a newer commit is being verified; the rest is what was judged before.
    """

    source: SourceState
    revision: Revision | None = None
    desired: Desired | None = None
    pending: str = ""
    error: AgentError | None = None
    judgement: Judgement | None = None
    claimed: bool = True
    verifying: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Built:
    """A desired state and what it was built from."""

    rendered: Rendered
    application: Application
    autoscaled: frozenset[ObjectKey]
    dependencies: tuple[DependencyRevision, ...]
    desired: Desired

    def of(self, rendered: Rendered, application: Application, autoscaled: frozenset[ObjectKey]) -> bool:
        mine = self.application
        same = (mine.uid, mine.generation) == (application.uid, application.generation)
        return self.rendered is rendered and same and self.autoscaled == autoscaled


class DeclaredStateLoader:
    """Loads the declared state of applications, and of single commits.

    Args:
        poller: keeps the mirrors, and knows the state of repositories.
        renders: renders commits.
        discovery: knows which kinds are namespaced.
        stores: know the Applications and the workloads that are live or autoscaled.
        wake: wakes applications that waited for this one.
        verifier: judges the signatures of commits.

    Attributes:
        claims: which application declares an object.
        barrier: which applications have yet to load a commit.
        facts: the cluster as Helm charts may ask about it; set before the first load.
    """

    def __init__(
        self,
        poller: SourcePoller,
        renders: RenderPool,
        discovery: Discovery,
        stores: Stores,
        wake: Wake,
        *,
        verifier: CommitVerifier,
    ) -> None:
        self._poller, self._renders, self._sources = poller, renders, poller.sources
        self._discovery, self._stores, self._wake, self._verifier = discovery, stores, wake, verifier
        self._inputs, self._pinned = RenderInputs(stores, wake), PinnedInputs(poller, stores.applications)
        self._beside = BesideSources(poller)
        self.claims = ClaimRegistry()
        self.barrier = PruneBarrier(stores.applications, self.claims)
        self.facts = KubeFacts()
        self._built: dict[tuple[AppKey, str], _Built] = {}
        self._more: dict[AppKey, frozenset[ObjectKey]] = {}
        self._healthy: dict[AppKey, str] = {}

    def load(self, application: Application) -> DeclaredState:
        """What the newest commit declares, as far as it is known now."""
        declared = self._load(application)
        if not declared.pending and declared.claimed:
            path = application.spec.source.path
            failed = declared.error is not None and not _declares_nothing(declared.error, path)
            self._looked(application.key, base_of(declared.revision.commit) if declared.revision else "", failed=failed)
        return declared

    def refresh(self, application: AppKey, reason: str) -> int:
        """Polls the repository and retries failed renders; returns the poll's number."""
        self._renders.retry(application)
        return self._poller.ask(application, reason)

    def refreshed(self, application: AppKey, poll: int) -> bool:
        """Whether the poll with that number, or a later one, has ended."""
        return self._poller.answered(application, poll)

    def stalled(self, application: AppKey) -> None:
        """Registers an invalid spec: no other application waits for this one."""
        self._looked(application, "", failed=True)

    def _looked(self, application: AppKey, commit: str, *, failed: bool) -> None:
        for other in sorted(self.barrier.looked(application, commit, failed=failed)):
            self._wake(other, f"{application} has checked {short(commit)}", Priority.COMMIT)

    def _load(self, application: Application) -> DeclaredState:
        repository, ref = self._poller.use(application)
        state = self._poller.state(repository).of(ref)
        try:
            tip = self._sources.resolve(repository, ref)
        except SourceError as error:
            if not state.polled:
                return DeclaredState(source=state, pending="the repository is being fetched for the first time")
            return DeclaredState(source=state, error=state.error or error)
        if not demanded(application):
            self._verifier.forget(application.key)
            return self._rendered(application, DeclaredState(source=state, revision=tip))
        judgement = self._verifier.judged(application, repository, ref, tip.commit)
        if judgement is not None:
            return self._judged(application, DeclaredState(source=state, judgement=judgement))
        pending = f"the signature of {tip.short} is being verified"
        before = self._verifier.in_force(application, repository, ref)
        if before is not None:
            followed = self._judged(application, DeclaredState(source=state, judgement=before, verifying=True))
            if followed.error is None:
                return replace(followed, pending=pending)
        return DeclaredState(source=state, pending=pending, verifying=True)

    def _judged(self, application: Application, known: DeclaredState) -> DeclaredState:
        """What the commit that a judgement names declares."""
        judgement = known.judgement
        if judgement is None or not judgement.commit:
            return known
        repository, ref = self._poller.use(application)
        try:
            revision = self._sources.revision(repository, ref, judgement.commit)
        except SourceError as error:
            return replace(known, error=error)
        if judgement.verified is None or not judgement.verified.key:
            revision = replace(revision, message="")  # the trailers of a commit without a signature approve nothing
        return self._rendered(application, replace(known, revision=revision))

    def _rendered(self, application: Application, declared: DeclaredState) -> DeclaredState:
        """What a revision declares, added to what is known of it."""
        revision = declared.revision
        if revision is None:
            return declared
        whole = self._beside.whole(application, revision, declared.source)
        if whole.revision is None:
            return replace(declared, source=whole.source, pending=whole.pending, error=whole.error)
        revision = whole.revision
        declared = replace(declared, source=whole.source, revision=revision)
        try:
            desired, claimed = self._desired(application, revision, slot=HEAD), True
            if desired is not None:
                desired, claimed = self._claim(desired)
        except AgentError as error:
            return replace(declared, error=error)
        if desired is None:
            listing = self._stores.autoscalers.pending(application.key)
            rendering = self._pinned.pending(application.key, revision.commit) or f"{revision.short} is being rendered"
            pending = "the autoscalers are being listed" if listing else rendering
            return replace(declared, pending=pending)
        source = self._pinned.judged(application, desired.revision, declared.source)
        return replace(declared, source=source, revision=desired.revision, desired=desired, claimed=claimed)

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
        repository, ref = self._poller.use(application)
        revision = replace(self._sources.resolve(repository, ref), commit=commit, chart=None)  # its chart is the tip's
        if demanded(application):
            revision = replace(revision, message="")  # it is the tip's, which may not be verified
        return self._desired(application, revision, slot=slot)

    def keep(self, application: AppKey, slots: Mapping[str, str]) -> None:
        """See `RenderPool.keep`; the last healthy commit stays as well."""
        slots = {**slots, _HEALTHY: self._healthy[application]} if application in self._healthy else slots
        self._renders.keep(application, slots)
        for key in [key for key in self._built if key[0] == application and key[1] not in {HEAD, *slots}]:
            del self._built[key]

    def at_healthy(self, application: Application, commit: str) -> Desired | None:
        """What the last healthy commit declares; see `at`."""
        return self.at(application, commit, slot=_HEALTHY)

    def keep_healthy(self, application: AppKey, commit: str) -> None:
        """Keeps the render of a healthy commit; an empty one drops it."""
        if commit:
            self._healthy[application] = commit
            self._renders.keep_slot(application, _HEALTHY, commit)
        elif self._healthy.pop(application, None) is not None:
            self._renders.drop_slot(application, _HEALTHY)
            self._built.pop((application, _HEALTHY), None)

    def _desired(self, application: Application, revision: Revision, *, slot: str) -> Desired | None:
        repository, _ = self._poller.use(application)
        beside = self._poller.beside(application)
        chart = repository if isinstance(repository, ChartSource) else beside[0] if beside is not None else None
        if chart is not None and not self._sources.charts.require(chart, chart_of(revision.commit)):
            self._poller.ask(application.key, f"{short(revision.commit)} is needed")
            return None
        tree = self._sources.tree(repository, revision.commit, chart)
        tree = self._beside.mounted(application, tree, revision.commit)
        inputs = self._inputs.resolve(application)
        if inputs is None:
            return None
        request = self._request(application, inputs)
        rendered = self._render(application, repository, tree, request, slot=slot)
        if rendered is None or self._stores.autoscalers.pending(application.key):
            return None
        autoscaled = self._autoscaled(rendered, application)
        built = self._built.get((application.key, slot))
        if built is None or not built.of(rendered, application, autoscaled):
            refuse_foreign(rendered.manifests, self._stores.applications.rules.cluster_uid)
            desired = build(
                rendered.manifests,
                application=application.key,
                revision=revision,
                namespace=application.namespace,
                scope=self._namespaced,
                create_namespace=application.spec.destination.create_namespace,
                autoscaled=autoscaled,
                ignore_fields=application.spec.sync.ignore_fields,
                helm_hooks=application.spec.helm_hooks,
            )
            dependencies = self._pinned.settled(application, rendered)
            charts = [revision.chart, *(dependency.chart for dependency in dependencies)]
            noted = [warning for fetched in charts if fetched is not None for warning in fetched.warnings]
            desired = replace(desired, warnings=(*noted, *rendered.warnings, *desired.warnings), rendered=rendered.digest)
            # What the cluster did not know yet is looked up again the next time.
            built = _Built(
                rendered=rendered,
                application=application,
                autoscaled=autoscaled,
                dependencies=dependencies,
                desired=desired,
            )
            if not desired.unscoped:
                self._built[application.key, slot] = built
        desired, revision = built.desired, replace(revision, dependencies=built.dependencies)
        if any(manifest.generated for manifest in desired.manifests):
            # Rollouts copy configuration, so they need what is live, too.
            live = {manifest.key: self._stores.live.get(manifest.key) for manifest in desired.manifests if manifest.generated}
            objects = {key: obj for key, obj in live.items() if obj is not None}
            desired = replace(desired, manifests=with_live_values(desired.manifests, objects, application.key))
        return desired if desired.revision == revision else replace(desired, revision=revision)

    def _render(
        self, application: Application, repository: Repository, tree: Tree, request: RenderRequest, *, slot: str
    ) -> Rendered | None:
        """The render; None until it and what it misses are done."""
        mounted = self._pinned.mounted(application, repository, tree)
        try:
            return self._renders.rendered(application.key, mounted, request, slot=slot)
        except RenderError as error:
            if not self._pinned.fetched(application, repository, tree.commit, error):
                return None
        self._renders.retry(application.key)
        return self._renders.rendered(application.key, mounted, request, slot=slot)

    def _autoscaled(self, rendered: Rendered, application: Application) -> frozenset[ObjectKey]:
        """Workloads that live autoscalers scale; all live ones while that is unknown."""
        targets = self._stores.autoscalers.targets()
        if targets is not None:
            return targets
        scalable = (manifest.key for manifest in rendered.manifests if _scalable(manifest.obj))
        placed = (ObjectKey(key.group, key.kind, key.namespace or application.namespace, key.name) for key in scalable)
        return frozenset(key for key in placed if self._may_be_live(key, application.key))

    def _may_be_live(self, key: ObjectKey, application: AppKey) -> bool:
        kind, live = key.group_kind, self._stores.live
        unseen = bool(self._stores.informer.ensure({kind}, application)) or kind in live.cannot_see
        return unseen or live.get(key) is not None

    def forget(self, application: AppKey) -> None:
        """Drops an application, and wakes those that waited for its objects."""
        self._poller.forget(application)
        self._verifier.forget(application)
        self._renders.forget(application)
        self._inputs.forget(application)
        self._pinned.forget(application)
        for key in [key for key in self._built if key[0] == application]:
            del self._built[key]
        self._more.pop(application, None)
        self._healthy.pop(application, None)
        self._release(application, self.claims.forget(application))
        for other in sorted(self.barrier.forget(application)):
            self._wake(other, f"{application} is gone", Priority.COMMIT)

    def release(self, application: AppKey) -> None:
        """Releases an application's claims to the others that declare the objects."""
        self._release(application, self.claims.release(application))

    def _release(self, application: AppKey, woken: Iterable[AppKey]) -> None:
        for other in sorted(woken):
            self._wake(other, f"{application} let go of its objects", Priority.COMMIT)

    def _request(self, application: Application, inputs: ResolvedInputs) -> RenderRequest:
        return RenderRequest(
            application=application.key,
            path=application.spec.source.path,
            options=application.spec.render,
            namespace=application.namespace,
            facts=self.facts,
            variables=inputs.variables,
            keys=inputs.keys,
        )

    def claim_more(self, application: AppKey, declared: Desired | None, keys: Iterable[ObjectKey]) -> frozenset[ObjectKey]:
        """Claims what a rollout adds to what the newest commit declares.

        That is the objects of the stable version, and the rollout's own.

        Returns:
            Those of them that another application declares, which belong to it.
        """
        places = declared.claimed if declared is not None else {}
        more = frozenset(keys) - places.keys()
        self._more[application] = more
        if declared is None:
            return frozenset()
        return more & self._conflicts(application, {*places, *more})[0].keys()

    def _conflicts(self, application: AppKey, keys: Iterable[ObjectKey]) -> tuple[dict[ObjectKey, AppKey], bool]:
        """Claims objects: (those of other holders, whether all are claimed).

        An object is claimed once its kind was listed, because its marks may reserve it for another application.
        """
        declared = frozenset(keys)
        fresh = declared - self.claims.held(application)
        pending = set(self._stores.informer.ensure({key.group_kind for key in fresh}, application)) if fresh else set()
        unlisted = frozenset(key for key in fresh if key.group_kind in pending)
        marks = {key: named for key in fresh - unlisted if (named := self._named(key)) is not None}
        conflicts, woken = self.claims.claim(application, declared - unlisted, marks, complete=not unlisted)
        for key in sorted(conflicts)[:_REVIEWED]:
            if self._yields(key, conflicts[key], application):
                del conflicts[key]
        for other in sorted(woken):
            self._wake(other, f"{application} let go of an object", Priority.COMMIT)
        return conflicts, not unlisted

    def _yields(self, key: ObjectKey, holder: AppKey, application: AppKey) -> bool:
        """Transfers an object that its holder may not write.

        Only to an application that may. Otherwise a repository could block an object of others by
        declaring it first.
        """
        if self._named(key) == holder or self._may_apply(holder, key) or not self._may_apply(application, key):
            return False
        loser = self.claims.transfer(key, application)
        if loser is not None:
            self._wake(loser, f"{application} holds {key}, which the account of {loser} may not write", Priority.COMMIT)
        return True

    def _may_apply(self, application: AppKey, key: ObjectKey) -> bool:
        try:
            rival = self._stores.applications.get(application)
        except SpecInvalid:
            return True
        exists = self._stores.live.get(key) is not None
        return rival is None or self._stores.access.may_apply(rival.user, key, exists=exists)

    def _named(self, key: ObjectKey) -> AppKey | None:
        """The existing Application that the marks of a live object name."""
        live = self._stores.live.get(key)
        named = live.named if live is not None else None
        return named if named is not None and self._stores.applications.may_exist(named) else None

    def _claim(self, desired: Desired) -> tuple[Desired, bool]:
        """Claims the objects; returns what is contested, and whether all are claimed."""
        places = desired.claimed
        self.claims.write_in(desired.application, desired.rendered, versions(desired.manifests))
        more = self._more.get(desired.application, frozenset())
        held, complete = self._conflicts(desired.application, places.keys() | more)
        contested = {key: holder for key, holder in held.items() if key in places}
        return (replace(desired, contested=contested) if contested else desired), complete

    def _namespaced(self, kind: GroupKind) -> bool | None:
        try:
            return self._discovery.find(kind.group, kind.kind).namespaced
        except (UnknownKind, CannotSee):
            return None


def _scalable(obj: Object) -> bool:
    spec = obj.get("spec")
    return isinstance(spec, dict) and "replicas" in spec and "template" in spec


def _declares_nothing(error: AgentError, path: str) -> bool:
    """Whether a commit lacks the directory, so nothing moves there."""
    return error.reason == "PathNotFound" and str(error.facts.get("path")).strip("/") == path.strip("/")
