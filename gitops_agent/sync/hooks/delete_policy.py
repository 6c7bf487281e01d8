"""Delete policies of hooks: when the object of a run is deleted.

Problem: Helm and Argo CD delete every hook before they run it again, also one that holds data: a claim with a hook annotation
is emptied by each upgrade. Decision: without an annotation only kinds that run to an end are deleted before the next run, since
nothing else makes them run again; the others are applied in place. A written policy is followed, but not for what holds data or
other objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.kinds import CRD, JOB, NAMESPACE, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM, POD
from gitops_agent.manifest.marks import HOOK_DELETE_POLICY, annotation

ARGO_POLICY = "argocd.argoproj.io/hook-delete-policy"
HELM_POLICY = "helm.sh/hook-delete-policy"


class DeletePolicy(StrEnum):
    """When the object of a run is deleted."""

    BEFORE_HOOK_CREATION = "before-hook-creation"
    HOOK_SUCCEEDED = "hook-succeeded"
    HOOK_FAILED = "hook-failed"


RUNS_TO_AN_END = frozenset(
    {
        JOB,
        POD,
        GroupKind("argoproj.io", "Workflow"),
    }
)
"""Kinds whose objects run once: another run needs another object."""

KEPT = frozenset({CRD, NAMESPACE, PERSISTENT_VOLUME, PERSISTENT_VOLUME_CLAIM})
"""Kinds that no delete policy deletes."""

_KEBAB: Mapping[str, DeletePolicy] = {policy.value: policy for policy in DeletePolicy}
_CAMEL: Mapping[str, DeletePolicy] = {policy.value.title().replace("-", ""): policy for policy in DeletePolicy}


def delete_policies(obj: Object, kind: GroupKind) -> frozenset[DeletePolicy]:
    """The policies of a hook, or the default of its kind.

    Raises:
        ValueError: a policy is not known; the text reads on after the name of the object.
    """
    if kind in KEPT:
        return frozenset()
    for name, words in ((HOOK_DELETE_POLICY, _KEBAB), (ARGO_POLICY, _CAMEL), (HELM_POLICY, _KEBAB)):
        text = annotation(obj, name)
        if text is None:
            continue
        listed = [part.strip() for part in text.split(",") if part.strip()]
        unknown = sorted(set(listed) - words.keys())
        if unknown:
            raise ValueError(f"annotation {name}: {', '.join(unknown)!r} is none of {', '.join(words)}")
        if listed:
            return frozenset(words[word] for word in listed)
    return frozenset({DeletePolicy.BEFORE_HOOK_CREATION}) if kind in RUNS_TO_AN_END else frozenset()
