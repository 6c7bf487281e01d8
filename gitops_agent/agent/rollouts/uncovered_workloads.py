"""Holds uncovered workloads at their versions while a policy names nothing.

Decision: what such a workload was applied with last is read from the live object itself: the version that is annotated on it,
else the commit of its last apply. Where that commit is unreadable, or the object was never applied from here, it is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gitops_agent.agent.rollouts.loader import RolloutLoader, by_key
from gitops_agent.agent.rollouts.rollout_pass import RolloutPass
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout.coverage import keeping, uncovered
from gitops_agent.rollout.state import Version
from gitops_agent.rollout.version_hash import constants, version_hash
from gitops_agent.rollout.workload_status import labelled, version
from gitops_agent.sync.live.live_object import observe


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldWorkloads:
    """Workloads that keep their versions.

    Attributes:
        manifests: what is applied instead of what the newest commit declares.
        untouched: what is neither applied nor deleted, because its version is not known.
    """

    manifests: dict[ObjectKey, Manifest] = field(default_factory=dict)
    untouched: frozenset[ObjectKey] = frozenset()


def hold(current: RolloutPass, loader: RolloutLoader) -> HeldWorkloads:
    """The workloads of a pass that keep their versions.

    There are none without an unbound policy.

    Raises:
        CommitPending: the commit of such a version is being rendered.
    """
    manifests = by_key(current.base)
    if not current.unbound:
        return HeldWorkloads()
    declared = constants(manifests)
    kept: dict[ObjectKey, Manifest] = {}
    untouched: set[ObjectKey] = set()
    for key in waiting(current):
        raw = loader.raw(key)
        if raw is None:
            continue
        head = manifests[key]
        hashed = version_hash(head.constant, declared)
        stable = _stable(current, loader, head, hashed, raw)
        if stable is None:
            untouched.add(key)
            continue
        before, manifest = stable
        manifest = head if before.hash == hashed else manifest
        kept[key] = keeping(manifest, before, head=head, labelled=labelled(raw))
    return HeldWorkloads(manifests=kept, untouched=frozenset(untouched))


def waiting(current: RolloutPass) -> tuple[ObjectKey, ...]:
    """The workloads whose versions are held."""
    if not current.unbound:
        return ()
    return uncovered(by_key(current.base), {rollout.subject.workload for rollout in current.rollouts})


def _stable(
    current: RolloutPass, loader: RolloutLoader, head: Manifest, hashed: str, raw: Object
) -> tuple[Version, Manifest] | None:
    """The version of a live workload, with its manifest; None when unknown."""
    before, live = version(raw), observe(raw)
    newest = current.base.revision.commit if current.base is not None else ""
    if before is not None and before.hash == hashed:
        return before, head
    if before is None and live.digest == head.digest:
        return Version(commit=newest, hash=hashed), head
    commit = before.commit if before is not None else live.revision
    if not commit:
        return None
    try:
        manifests = loader.at(current, commit, f"held {head.key.kind} {head.key.name}")
    except AgentError as error:
        if error.transient:
            raise
        return None
    manifest = manifests.get(head.key)
    if manifest is None or (before is None and manifest.digest != live.digest):
        return None
    return before or Version(commit=commit, hash=version_hash(manifest.constant, constants(manifests))), manifest
