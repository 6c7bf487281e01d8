"""One rollout at this moment: policy, state, and manifests of both commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import DEPLOYMENT, SERVICE
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.observation import Measurement
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.replicas import Replicas
from gitops_agent.rollout.state import RolloutState, Version

_VARIANTS = frozenset({DEPLOYMENT, SERVICE})


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutContext:
    """One rollout of an application at this moment.

    Attributes:
        key: of the policy.
        raw: the live policy.
        subject: the policy of the run (or the present one), resolved.
        state: of the rollout.
        head: the version in Git; None when it is unknown, or not to be followed.
        stable: the manifests of the stable commit, by key.
        target: those of the commit under way, by key; of the stable one while there is none.
        newest: the workload as the newest commit declares it; None where it does not.
        replicas: what each side may have now; those of the state where None.
        routes: keys of what carries the traffic in the desired state.
        lost: the version of a live canary that no state names.
        gate: why a run may not start.
        refused: the API server's words where it refuses what the run would apply; empty otherwise.
        flaw: what only another commit can correct of the policy, or of what it names.
        measurements: those that ended lately.
    """

    key: ObjectKey
    raw: Object
    subject: ResolvedPolicy
    state: RolloutState
    head: Version | None
    stable: Mapping[ObjectKey, Manifest]
    target: Mapping[ObjectKey, Manifest]
    newest: Manifest | None = None
    replicas: Replicas | None = None
    routes: tuple[ObjectKey, ...] = ()
    lost: Version | None = None
    gate: str = ""
    refused: str = ""
    flaw: str = ""
    measurements: tuple[Measurement, ...] = ()

    @property
    def rolling(self) -> bool:
        """Whether there is no second Deployment."""
        return self.subject.policy.strategy.rolling is not None

    @property
    def waits(self) -> bool:
        """Whether other rollouts of the commit wait for it at their Cut."""
        return not self.rolling and self.state.early

    @property
    def canary(self) -> ObjectKey | None:
        """The canary Deployment of the target, or that of a lost state."""
        target = self.state.target or self.lost
        if self.rolling or target is None:
            return None
        workload = self.subject.workload
        return DEPLOYMENT.named(workload.namespace, canary_objects.canary_name(workload.name, target.hash))

    @property
    def baseline(self) -> ObjectKey | None:
        """The baseline Deployment, of the stable version."""
        stable, workload = self.state.stable, self.subject.workload
        if self.rolling or stable is None:
            return None
        return DEPLOYMENT.named(workload.namespace, canary_objects.baseline_name(workload.name, stable.hash))

    @property
    def canary_service(self) -> ObjectKey:
        """The Service of the canary."""
        service = self.subject.service
        return replace(service, name=canary_objects.canary_service_name(service.name))

    def made(self, live: Iterable[ObjectKey]) -> frozenset[ObjectKey]:
        """Live objects named like an object of a version in the state."""
        state = self.state
        versions = {version.hash for version in (state.stable, state.target, *state.rejected, *state.history) if version}
        workload, service = self.subject.workload, self.subject.service
        return frozenset(
            key for key in live if canary_objects.is_made(key, workload=workload, service=service, versions=versions)
        )

    @property
    def kinds(self) -> frozenset[GroupKind]:
        """The kinds an observation of it needs."""
        kinds = {self.subject.workload.group_kind}
        return frozenset(kinds if self.rolling else kinds | _VARIANTS)

    @property
    def pinned(self) -> frozenset[ObjectKey]:
        """The live objects that are read in full."""
        keys = {self.subject.workload, *self.routes}
        if not self.rolling:
            keys.add(self.subject.service)
        keys |= {key for key in (self.canary, self.baseline) if key is not None}
        return frozenset(keys)
