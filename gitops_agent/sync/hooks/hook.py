"""A declared hook: its object, its moments, order and delete policies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.marks import annotation
from gitops_agent.sync.hooks.delete_policy import RUNS_TO_AN_END, DeletePolicy, delete_policies
from gitops_agent.sync.hooks.moment import SYNC_MOMENTS, Moment, Operation, Time
from gitops_agent.sync.hooks.spelling import HookText

HELM_WEIGHT = "helm.sh/hook-weight"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A declared hook.

    Attributes:
        manifest: its object, as it is sent but for our marks.
        times: when it runs.
        weight: hooks of a lower weight have ended first.
        policies: when its object is deleted.
        keep: its object is never deleted by a policy.
    """

    manifest: Manifest
    times: frozenset[Time]
    weight: int = 0
    policies: frozenset[DeletePolicy] = frozenset()
    keep: bool = False

    @property
    def key(self) -> ObjectKey:
        """The identity of its object."""
        return self.manifest.key

    @property
    def runs_to_an_end(self) -> bool:
        """Whether each run needs an object of its own."""
        return self.key.group_kind in RUNS_TO_AN_END

    @property
    def of_a_sync(self) -> bool:
        """Whether it runs in a sync, and not only in a deletion."""
        return any(moment in SYNC_MOMENTS for _, moment in self.times)

    @property
    def moments(self) -> tuple[Moment, ...]:
        """The moments it has in any operation, in their order."""
        return tuple(moment for moment in Moment if any(due is moment for _, due in self.times))

    @property
    def content(self) -> str:
        """A digest over what it runs and when."""
        times = sorted([operation.value, moment.value] for operation, moment in self.times)
        return digest([str(self.key), self.manifest.digest, times, self.weight])


def declared_hook(manifest: Manifest, text: HookText, *, wave: int | None, keep: bool) -> Hook:
    """The hook that an object with a hook annotation declares.

    Args:
        manifest: the object as it is sent.
        text: what its annotation says.
        wave: its wave, where an annotation gives one; Helm's weight counts otherwise.
        keep: an annotation asks not to delete it.

    Raises:
        ValueError: its weight or its delete policy is not understood; the text reads on after the name of the object.
    """
    policies = delete_policies(manifest.obj, manifest.key.group_kind)
    weight = _helm_weight(manifest) if wave is None else wave
    return Hook(manifest=manifest, times=text.times, weight=weight, policies=policies, keep=keep)


def hooks_of(
    hooks: Iterable[Hook], operation: Operation, moment: Moment, ranks: Mapping[str, int] = MappingProxyType({})
) -> tuple[Hook, ...]:
    """The hooks of one moment, by weight, kind and name.

    Args:
        hooks: what is declared.
        operation: what the sync does.
        moment: when.
        ranks: the place of each kind among hooks of the same weight.
    """
    chosen = [hook for hook in hooks if (operation, moment) in hook.times]
    return tuple(sorted(chosen, key=lambda hook: (hook.weight, ranks.get(hook.key.kind, len(ranks)), hook.key)))


def _helm_weight(manifest: Manifest) -> int:
    text = (annotation(manifest.obj, HELM_WEIGHT) or "").strip()
    if not text:
        return 0
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"annotation {HELM_WEIGHT}: {text!r} is not a whole number") from None
