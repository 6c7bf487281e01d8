"""Which workloads policies cover, and which policies name none.

Problem: a policy with a typo in `targetRef` looked like no policy at all, and the next version was rolled out at once.
Decision: only its author knows which workload was meant, so while a policy names nothing that is declared, every
workload without a policy keeps the version it has. Its replicas and labels follow Git all the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.manifest.kinds import DAEMON_SET, DEPLOYMENT, STATEFUL_SET
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.state import Version
from gitops_agent.rollout.version_hash import template

WORKLOADS = frozenset({DEPLOYMENT, STATEFUL_SET, DAEMON_SET})
_SIMILAR = 0.6


def target(namespace: str, spec: RolloutPolicySpec) -> ObjectKey:
    """The workload that a policy of a namespace is about."""
    return ObjectKey("apps", str(spec.target_ref.kind), namespace, spec.target_ref.name)


def unbound(
    specs: Mapping[ObjectKey, RolloutPolicySpec], declared: Collection[ObjectKey], covered: Collection[ObjectKey] = ()
) -> dict[ObjectKey, str]:
    """The policies whose workload is not declared, with the message for each.

    Args:
        specs: the policies in Git, by key.
        declared: what the commit declares.
        covered: workloads whose rollout goes on whatever Git says.
    """
    bound = {target(key.namespace, spec) for key, spec in specs.items()} & set(declared)
    free = uncovered(declared, bound | set(covered))
    return {
        key: _message(missing, declared, free)
        for key, spec in sorted(specs.items())
        if (missing := target(key.namespace, spec)) not in declared
    }


def uncovered(declared: Iterable[ObjectKey], covered: Collection[ObjectKey]) -> tuple[ObjectKey, ...]:
    """The declared workloads that no policy covers, sorted."""
    return tuple(sorted(key for key in declared if key.group_kind in WORKLOADS and key not in covered))


def keeping(manifest: Manifest, version: Version, *, head: Manifest, labelled: bool) -> Manifest:
    """An uncovered workload that keeps a version.

    It is annotated with it, so that a corrected policy rolls out from there.

    Args:
        manifest: the workload as that version declares it.
        version: the version.
        head: the workload as the newest commit declares it, whose replicas count.
        labelled: the live pods carry the label of the stable side, from an earlier policy.
    """
    result = copy(manifest.obj)
    metadata, spec = result["metadata"], result["spec"]
    annotations = {canary_objects.ROLLOUT_HASH: version.hash, canary_objects.COMMIT: version.commit}
    metadata["annotations"] = {**(metadata.get("annotations") or {}), **annotations}
    if labelled:
        spec["template"] = canary_objects.labelled(template(result), {canary_objects.VARIANT: canary_objects.PRIMARY})
    spec.pop("replicas", None)
    newest = head.obj.get("spec") or {}
    spec |= {"replicas": newest["replicas"]} if "replicas" in newest else {}
    return replace(manifest.with_object(result), commit="" if manifest is head else version.commit)


def similar(wanted: ObjectKey, declared: Iterable[ObjectKey]) -> str:
    """What was probably meant by an undeclared key, as a question.

    The same name with another kind or in another namespace comes first; empty where nothing is alike.
    """
    near = [key for key in declared if key.name == wanted.name]
    if not near:
        names = difflib.get_close_matches(wanted.name, sorted({key.name for key in declared}), n=1, cutoff=_SIMILAR)
        near = [key for key in declared if key.name in names]
    if not near:
        return ""
    closest = min(near, key=lambda key: (key.namespace != wanted.namespace, key.kind != wanted.kind, key))
    where = f" of the policy's own namespace (it is in {closest.namespace})" if closest.namespace != wanted.namespace else ""
    return f"; did you mean {closest.kind} {closest.name}{where}?"


def _message(wanted: ObjectKey, declared: Collection[ObjectKey], free: tuple[ObjectKey, ...]) -> str:
    hint = similar(wanted, free) or similar(wanted, [key for key in declared if key.group_kind in WORKLOADS])
    names = ", ".join(f"{key.kind} {key.name}" for key in free[:3]) + (f" and {len(free) - 3} more" if len(free) > 3 else "")  # noqa: PLR2004 - as many as are named
    held = f"; until it names one, new versions of what no policy covers are held: {names}" if free else ""
    return f"targetRef: {wanted.kind} {wanted.name} is not declared by this application{hint}{held}"
