"""Loads rollouts: policy, state, manifests of the stable and target commits.

A policy in Git and the live policy make a rollout. Its state names commits, which are rendered beside the newest.
The edge cases are here too: a policy that is new, one that was deleted under a running rollout, one that Git dropped while its
rollout was under way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from gitops_agent.agent.desired.declared_state import DeclaredStateLoader
from gitops_agent.agent.rollouts.analysis_runner import AnalysisRunner
from gitops_agent.agent.rollouts.context import RolloutContext
from gitops_agent.agent.rollouts.observer import RolloutObserver
from gitops_agent.agent.rollouts.pod_causes import PodCauses
from gitops_agent.agent.rollouts.rollout_pass import CommitPending, RolloutPass
from gitops_agent.agent.rollouts.run_preflight import RunPreflight, RunStart
from gitops_agent.agent.stores.stores import Stores
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError, NotFound, RenderError, SourceError
from gitops_agent.manifest.key import AppKey, GroupKind, Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.revision_name import short
from gitops_agent.rollout.canary_objects import CANARY, VARIANT
from gitops_agent.rollout.compose import Part, compose
from gitops_agent.rollout.coverage import target
from gitops_agent.rollout.overlay import OverlayResult, ResolvedPolicy, commit_of_run
from gitops_agent.rollout.run_plan import load_policy
from gitops_agent.rollout.state import Adoption, Phase, RolloutState, Version
from gitops_agent.rollout.status import from_status
from gitops_agent.rollout.traffic.registry import CAPABILITIES
from gitops_agent.rollout.validation import flaw, refusal
from gitops_agent.rollout.version_hash import constants, version_hash
from gitops_agent.rollout.workload_status import version
from gitops_agent.sync.autoscalers import targets
from gitops_agent.sync.desired import Desired
from gitops_agent.sync.live.live_object import observe

REMEMBERED = "remembered"
"""The render slot of the commit that stands in for the newest."""

_GONE = "RevisionNotFound"


class RolloutLoader:
    """Loads rollouts, and the live objects and commits they stand on.

    Args:
        stores: policies, live objects, endpoints and autoscalers.
        declared: loads other commits than the newest, and claims objects.
        analysis: knows the measurements that ended lately.
        objects: reads an object that the live state has only in part.

    Attributes:
        observer: observes the live objects of rollouts.
        causes: finds out why their pods do not come up.
    """

    def __init__(self, stores: Stores, declared: DeclaredStateLoader, analysis: AnalysisRunner, objects: Objects) -> None:
        self._policies, self._live, self._informer = stores.policies, stores.live, stores.informer
        self._autoscalers, self._declared, self._analysis, self._objects = stores.autoscalers, declared, analysis, objects
        self.observer, self.causes = RolloutObserver(stores.live, stores.endpoints), PodCauses(objects)
        self._preflight = RunPreflight(objects)

    def load(
        self, current: RolloutPass, key: ObjectKey, spec: RolloutPolicySpec | None, base: Desired | None
    ) -> RolloutContext | None:
        """Loads one rollout; None where there is nothing to roll out.

        Args:
            current: the pass; a run that is about to start is registered there.
            key: of the policy.
            spec: the policy in Git; None where Git has none.
            base: what is declared where no rollout decides.

        Raises:
            CommitPending: a commit it needs is being rendered.
            AgentError: such a commit is gone, or does not render.
        """
        raw = self._policies.get(key)
        state = from_status(raw.get("status") or {}) if raw is not None else RolloutState()
        if spec is None and not state.running:
            return None
        # A run that waits has done nothing yet: what keeps it from starting may be the policy, and Git may have corrected it.
        followed = spec if state.plan is None or (state.phase is Phase.PENDING and spec) else load_policy(state.plan)
        if followed is None:
            return None
        subject = self._subject(followed, key, base)
        manifests = by_key(base)
        workload = manifests.get(subject.workload)
        if raw is None:
            return self._first(current, key, subject, base)
        if workload is None and not state.running:
            return None
        newest = current.request.head
        try:
            stable, target = self._versions(current, state, key)
            again = None
        except SourceError as error:
            # Where history was rewritten and the version is the same, the newest commit does as well.
            if error.reason != _GONE or newest is None:
                raise
            again = _same_version(state, newest, None if workload is None else _hash(subject, manifests))
            if again is None or state.stable is None:
                raise _gone(subject, error) from None
            current.commits[state.stable.commit] = newest
            stable = target = manifests
        head: Version | None = None
        if spec is not None and workload is not None and newest is not None:
            head = commit_of_run(state, again or _head(newest, workload, state, stable, target), {*stable, *manifests}, subject)
        removed = spec is None or workload is None
        head = _followed(head, state, removed=removed, closed=current.request.closed)
        if self._lost_label(subject, state):
            state = replace(state, stable=None, adoption=Adoption.NONE)
        lost = self._lost(current.key, subject) if state.stable is None else None
        # Where a canary is live, the workload had been adopted for it.
        if state.stable is None and (self.observer.adopted(subject) or (lost and self.observer.labelled(subject))):
            state = replace(state, adoption=Adoption.DONE)
        rollout = RolloutContext(
            key=key,
            raw=raw,
            subject=subject,
            state=state,
            head=head,
            stable=stable or manifests,
            target=target or stable or manifests,
            newest=workload,
            lost=lost,
            flaw="" if newest is None else flaw(state, subject, by_key(newest), stable=stable, starts=_starting(state, head)),
            measurements=self._analysis.results(AppKey(key.namespace, key.name)),
        )
        return self._gated(current, rollout, stable) if _starting(state, head) else rollout

    def forget(self, policy: ObjectKey) -> None:
        """Drops the memory of a policy."""
        self.observer.forget(policy)
        self._preflight.forget(policy)
        self.causes.forget(policy)

    def _versions(
        self, current: RolloutPass, state: RolloutState, key: ObjectKey
    ) -> tuple[Mapping[ObjectKey, Manifest], Mapping[ObjectKey, Manifest]]:
        """Manifests of the stable and the target version.

        Both are the stable ones while there is no target.
        """
        stable = self._manifests(current, state.stable, f"stable {key.name}")
        return stable, self._manifests(current, state.target, f"target {key.name}") if state.running else stable

    def _gated(self, current: RolloutPass, rollout: RolloutContext, stable: Mapping[ObjectKey, Manifest]) -> RolloutContext:
        """A rollout that wants to start, with why it may not.

        Otherwise it is registered as starting.
        """
        newest, head = current.request.head, rollout.head
        if newest is None or head is None:
            return rollout
        declared = by_key(newest)
        if gate := refusal(rollout.subject, declared, stable=stable, unknown=newest.unscoped):
            return replace(rollout, gate=gate)
        refused = ""
        if not current.request.frozen:
            start = RunStart(
                policy=rollout.key,
                subject=rollout.subject,
                state=rollout.state,
                head=head,
                stable=rollout.stable,
                target=declared,
                revision=newest.revision,
            )
            refused = self._preflight.refusal(current.request.application, start)
        if not refused:
            current.starting.add(rollout.key)
        return replace(rollout, gate=refused, refused=refused)

    def standing(self, current: RolloutPass) -> Desired | None:
        """What the commit declares that the rollouts are at.

        Right after a start the newest commit may not be readable, and every policy would look as if it were removed from Git.
        None where no rollout has a state yet.

        Raises:
            CommitPending: it is being rendered.
            AgentError: the commit is gone, or does not render.
        """
        policies = [self._policies.get(key) for key in self._policies.of(current.key)]
        states = [from_status(raw.get("status") or {}) for raw in policies if raw is not None]
        for state in sorted(states, key=lambda state: not state.running):
            decisive = state.target if state.running else state.stable
            if decisive is not None:
                self._manifests(current, decisive, REMEMBERED)
                return current.commits[decisive.commit]
        return None

    def _lost(self, application: AppKey, subject: ResolvedPolicy) -> Version | None:
        """The version of a live canary whose run lost its state."""
        for live in self._live.of(application).values():
            if live.rollout == subject.workload.name and live.key.kind == "Deployment" and not live.deleting:
                raw = live.evidence or self._fetch(live.key)
                if raw is not None and (raw["metadata"].get("labels") or {}).get(VARIANT) == CANARY:
                    return version(raw)
        return None

    def _first(
        self, current: RolloutPass, key: ObjectKey, subject: ResolvedPolicy, base: Desired | None
    ) -> RolloutContext | None:
        """A policy that is declared and not live yet.

        Where the workload is not live either, it is created adopted. One that has a version was rolled out before: its policy
        was deleted, and until that is restored nothing of the rollout may move. Any other is applied as without a policy.
        """
        manifests = by_key(base)
        if subject.workload not in manifests:
            return None
        live = self._live.get(subject.workload)
        if live is None:
            first = Version(commit=base.revision.commit if base else "", hash=_hash(subject, manifests))
            state = RolloutState(stable=first, adoption=Adoption.DONE)
            alone = RolloutContext(
                key=key, raw={}, subject=subject, state=state, head=first, stable=manifests, target=manifests
            )
            return replace(alone, newest=manifests[subject.workload])
        self._live.pin(current.key, {subject.workload})
        raw = live.evidence or self._fetch(subject.workload)
        before = version(raw) if raw is not None else None
        if before is None or before.hash == _hash(subject, manifests):
            return None
        stable = self._manifests(current, before, f"stable {key.name}")
        state = RolloutState(stable=before, adoption=Adoption.DONE, reason="the policy was deleted")
        return RolloutContext(key=key, raw={}, subject=subject, state=state, head=None, stable=stable, target=stable)

    def untouchable(self, rollout: RolloutContext, application: AppKey) -> set[ObjectKey]:
        """Objects of a rollout that stay until its deleted policy is restored."""
        if rollout.head is not None:
            return set()
        owned = {live.key for live in self._live.of(application).values() if live.rollout == rollout.subject.workload.name}
        return owned | rollout.pinned

    def _subject(self, policy: RolloutPolicySpec, key: ObjectKey, base: Desired | None) -> ResolvedPolicy:
        workload = target(key.namespace, policy)
        rolling = policy.strategy.rolling is not None
        declared = by_key(base).get(workload)
        scaled = self._autoscalers.targets()
        autoscaled = scaled is None or workload in scaled or (declared is not None and _scaled(workload, base))
        provider = None if rolling else CAPABILITIES[str(policy.traffic.provider)].provider
        hosts = self._analysis.hosts
        return ResolvedPolicy(policy=policy, workload=workload, provider=provider, autoscaled=autoscaled, hosts=hosts)

    def _lost_label(self, subject: ResolvedPolicy, state: RolloutState) -> bool:
        """Whether an adopted workload lost its label.

        The policy names another workload, or the label was removed.
        """
        if state.adoption is not Adoption.DONE or state.phase not in {Phase.IDLE, Phase.HELD} or state.stable is None:
            return False
        live = self._live.get(subject.workload)
        raw = live.evidence if live is not None else None
        return raw is not None and not self.observer.labelled(subject)

    def _manifests(self, current: RolloutPass, wanted: Version | None, slot: str) -> Mapping[ObjectKey, Manifest]:
        """What a commit declares, by key.

        Raises:
            CommitPending: it is being rendered.
            AgentError: the commit is gone, or does not render.
        """
        if wanted is None:
            return {}
        declared = current.commits.get(wanted.commit)
        if declared is None:
            current.slots[slot] = wanted.commit
            declared = self._declared.at(current.request.application, wanted.commit, slot=slot)
            if declared is None:
                raise CommitPending(f"{short(wanted.commit)}, which a rollout needs, is being rendered")
            current.commits[wanted.commit] = declared
        return by_key(declared)

    def with_routes(self, base: Desired | None, rollouts: Sequence[RolloutContext]) -> tuple[RolloutContext, ...]:
        """The rollouts, with the traffic objects of their present states."""
        result = []
        for rollout in rollouts:
            try:
                overlaid = compose(tuple(base.manifests) if base else (), [part(rollout)])
            except RenderError:
                # The routes cannot carry the share; the step that follows aborts the run.
                overlaid = OverlayResult(manifests=())
            result.append(replace(rollout, routes=overlaid.routes))
        return tuple(result)

    def ensure_listed(self, application: AppKey, rollouts: Sequence[RolloutContext], more: Iterable[ObjectKey] = ()) -> None:
        """Watches every kind that the rollouts and more objects need.

        Raises:
            CommitPending: a first list is under way; the application is woken when it arrives.
        """
        declared = (*more, *(key for rollout in rollouts for key in (*rollout.stable, *rollout.target, *rollout.routes)))
        kinds = frozenset[GroupKind]().union(*(rollout.kinds for rollout in rollouts))
        pending = self._informer.ensure(kinds | {key.group_kind for key in declared}, application)
        if pending:
            raise CommitPending(f"the first list of {', '.join(str(kind) for kind in pending)}")
        if unseen := self.observer.unseen(rollouts):
            raise CommitPending(unseen)

    def at(self, current: RolloutPass, commit: str, slot: str) -> Mapping[ObjectKey, Manifest]:
        """What a commit declares, by key.

        Raises:
            CommitPending: it is being rendered.
            AgentError: the commit is gone, or does not render.
        """
        return self._manifests(current, Version(commit=commit, hash=""), slot)

    def raw(self, key: ObjectKey) -> Object | None:
        """A live object as a whole, also one without our label.

        None where it is absent or terminating.
        """
        live = self._live.get(key)
        if live is not None:
            return None if live.deleting else live.evidence or self._fetch(key)
        try:
            return self._objects.get(key)
        except NotFound:
            return None

    def pin(self, application: AppKey, rollouts: Iterable[RolloutContext], more: Iterable[ObjectKey] = ()) -> None:
        """Keeps full live objects for rollouts, and reads the partial ones.

        Args:
            application: whose.
            rollouts: of the application.
            more: other objects that are read in full.
        """
        pinned = frozenset[ObjectKey](more).union(*(rollout.pinned for rollout in rollouts))
        for key in sorted(self._live.pin(application, pinned)):
            self._fetch(key)

    def _fetch(self, key: ObjectKey) -> Object | None:
        try:
            raw = self._objects.get(key)
        except NotFound:
            return None
        self._live.put(observe(raw))
        return raw

    def following(self, current: RolloutPass, rollout: RolloutContext) -> RolloutContext:
        """The rollout, with the manifests that its new state needs."""
        state = rollout.state
        stable = self._manifests(current, state.stable, f"stable {rollout.key.name}") or rollout.stable
        target = self._manifests(current, state.target, f"target {rollout.key.name}") if state.running else stable
        policy = load_policy(state.plan) if state.plan is not None else rollout.subject.policy
        subject = replace(rollout.subject, policy=policy)
        return replace(rollout, stable=stable, target=target or stable, subject=subject)

    def keep(self, application: AppKey, slots: Mapping[str, str]) -> None:
        """Keeps the renders that are needed; see `RenderPool.keep`."""
        self._declared.keep(application, slots)

    def claim(self, application: AppKey, declared: Desired | None, keys: Iterable[ObjectKey]) -> frozenset[ObjectKey]:
        """Claims what rollouts add; returns what another application declares."""
        return self._declared.claim_more(application, declared, keys)


def _starting(state: RolloutState, head: Version | None) -> bool:
    """Whether a run is about to start."""
    return state.phase is Phase.PENDING or (
        state.phase in {Phase.IDLE, Phase.HELD}
        and head is not None
        and state.stable is not None
        and head.hash != state.stable.hash
        and not state.rejects(head)
    )


def _same_version(state: RolloutState, newest: Desired, hash_: str | None) -> Version | None:
    """The stable version under its new commit, after a rewrite of history.

    None while a run is under way, or where the versions differ.
    """
    if state.running or state.stable is None or hash_ != state.stable.hash:
        return None
    return Version(commit=newest.revision.commit, hash=state.stable.hash)


def _gone(subject: ResolvedPolicy, error: SourceError) -> AgentError:
    """The error for an unreadable commit, with the two ways to continue."""
    way = "merge it back, or take the RolloutPolicy out of Git (and delete it manually, if a rollout is in progress) until the"
    words = f"{error}: the rollout of {subject.workload} cannot continue without it; {way} newest version is applied"
    return AgentError(words, reason="RolloutRefused", transient=False)


def part(rollout: RolloutContext) -> Part:
    """Part of a rollout in the desired state."""
    return Part(
        state=rollout.state,
        subject=rollout.subject,
        stable=tuple(rollout.stable.values()),
        target=tuple(rollout.target.values()),
        replicas=rollout.replicas,
    )


def by_key(desired: Desired | None) -> dict[ObjectKey, Manifest]:
    """What a commit declares, by key."""
    return {} if desired is None else {manifest.key: manifest for manifest in desired.manifests}


def _hash(subject: ResolvedPolicy, manifests: Mapping[ObjectKey, Manifest]) -> str:
    return version_hash(manifests[subject.workload].constant, constants(manifests))


def _head(
    head: Desired,
    workload: Manifest,
    state: RolloutState,
    stable: Mapping[ObjectKey, Manifest],
    target: Mapping[ObjectKey, Manifest],
) -> Version:
    """The version in Git.

    It is the stable or target one where the commit changed nothing of this application.
    """
    manifests = by_key(head)
    for candidate, declared in ((state.stable, stable), (state.target if state.running else None, target)):
        if candidate is not None and _same(manifests, declared):
            return candidate
    return Version(commit=head.revision.commit, hash=version_hash(workload.constant, constants(manifests)))


def _followed(head: Version | None, state: RolloutState, *, removed: bool, closed: bool) -> Version | None:
    """The version to follow; a closed window hides others from a run.

    A rollout removed from Git is rolled back. A commit that declares the stable version again is a way out, so it counts.
    """
    if not closed or not state.running or state.phase is Phase.PENDING:
        return state.stable if removed else head
    versions = {version.hash for version in (state.stable, state.target) if version is not None}
    return head if not removed and head is not None and head.hash in versions else None


def _same(some: Mapping[ObjectKey, Manifest], other: Mapping[ObjectKey, Manifest]) -> bool:
    return some.keys() == other.keys() and all(some[key].digest == other[key].digest for key in some)


def _scaled(workload: ObjectKey, desired: Desired | None) -> bool:
    return desired is not None and workload in targets(manifest.obj for manifest in desired.manifests)
