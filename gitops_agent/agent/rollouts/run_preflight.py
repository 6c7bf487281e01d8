"""Asks the API server about a run before it begins.

Problem: a pod template that the API server refuses shows only once a run has begun, and all that the run has made by then has
to be taken away again. Decision: what the run will make, and the workload as it will be, is applied as
a dry run first; a refusal keeps the run from starting, in the API server's words.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from gitops_agent.api.application import Application
from gitops_agent.cluster.error_text import simplify
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import AgentError
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.revision.revision import Revision
from gitops_agent.rollout.overlay import MADE, ResolvedPolicy, commits, laid
from gitops_agent.rollout.state import Phase, RolloutState, Stage, Version
from gitops_agent.sync.apply import preflight
from gitops_agent.sync.apply.errors import Immutable, classify
from gitops_agent.sync.desired import marked

AGAIN_SECONDS = 30.0
"""A refusal is asked about again after so long: an admission policy may have changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStart:
    """A run that is about to begin.

    Attributes:
        policy: the key of its policy.
        subject: what the policy is about.
        state: before the run.
        head: the version it begins with.
        stable: the manifests of the stable commit, by key.
        target: those of the newest one, by key.
        revision: the newest commit.
    """

    policy: ObjectKey
    subject: ResolvedPolicy
    state: RolloutState
    head: Version
    stable: Mapping[ObjectKey, Manifest]
    target: Mapping[ObjectKey, Manifest]
    revision: Revision

    @property
    def manifests(self) -> tuple[Manifest, ...]:
        """What the run makes, and the workload as it will be."""
        begun = replace(self.state, phase=Phase.PROVISION, stage=Stage.NONE, target=self.head, primary=None, baseline=0)
        old, new = tuple(self.stable.values()), tuple(self.target.values())
        beside = (
            manifest for manifest in laid(begun, commits(begun, old, new), self.subject).manifests if manifest.file == MADE
        )
        rolled = replace(begun, phase=Phase.PROMOTE, stage=Stage.ROLL)
        workload = (
            manifest
            for manifest in laid(rolled, commits(rolled, old, new), self.subject).manifests
            if manifest.key == self.subject.workload
        )
        return (*beside, *workload)

    @property
    def changed(self) -> frozenset[str]:
        """The kinds of the objects that differ between the two commits."""
        keys = self.stable.keys() | self.target.keys()
        return frozenset(key.kind for key in keys if _digest(self.stable.get(key)) != _digest(self.target.get(key)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    """What the API server answered: a refusal or nothing, for one content."""

    content: str
    refusal: str
    at: float


class RunPreflight:
    """Dry-runs what a run applies first; thread-safe for different policies.

    Args:
        objects: applies, without writing.
        clock: monotonic seconds.
    """

    def __init__(self, objects: Objects, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._objects, self._clock = objects, clock
        self._answers: dict[ObjectKey, _Answer] = {}

    def refusal(self, application: Application, start: RunStart) -> str:
        """The API server's refusal of a run's objects; empty without one.

        What may pass, or depends on other objects of the commit, is no refusal. The same content is asked about once, and
        after a refusal now and then.
        """
        manifests = start.manifests
        content = digest([sorted(start.changed), [[str(manifest.key), manifest.digest] for manifest in manifests]])
        answer = self._answers.get(start.policy)
        if answer is None or answer.content != content or (answer.refusal and self._clock() - answer.at > AGAIN_SECONDS):
            refusal = "; ".join(self._refusals(application, start, manifests))
            answer = self._answers[start.policy] = _Answer(content=content, refusal=refusal, at=self._clock())
        return answer.refusal

    def forget(self, policy: ObjectKey) -> None:
        """Drops the memory of a policy."""
        self._answers.pop(policy, None)

    def _refusals(self, application: Application, start: RunStart, manifests: tuple[Manifest, ...]) -> Iterator[str]:
        changed, user = start.changed, application.user
        quota, access = "ResourceQuota" in changed, user is not None and bool(preflight.ACCESS & changed)
        for manifest in manifests:
            body = marked(manifest, application=application.key, revision=start.revision)
            try:
                self._objects.apply(body, dry_run=True, as_user=user)
            except AgentError as refused:
                error = classify(refused, manifest.key)
                if error.transient or isinstance(error, Immutable) or not preflight.counts(error, quota=quota, access=access):
                    continue
                yield f"the API server refuses {manifest.key}: {simplify(str(error))}"


def _digest(manifest: Manifest | None) -> str:
    return manifest.digest if manifest is not None else ""
