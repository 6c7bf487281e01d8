"""Advisories: risks of a valid rollout, shown in its status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.manifest.selector import matches, matches_labels
from gitops_agent.rollout import canary_objects
from gitops_agent.rollout.overlay import ResolvedPolicy
from gitops_agent.rollout.run_plan import run
from gitops_agent.rollout.state import RolloutState
from gitops_agent.rollout.validation import refusal
from gitops_agent.rollout.version_hash import template


def notes(
    state: RolloutState,
    subject: ResolvedPolicy,
    manifests: Mapping[ObjectKey, Manifest],
    *,
    unknown: frozenset[GroupKind] = frozenset(),
) -> tuple[str, ...]:
    """The notes, one line each.

    Args:
        state: where the rollout stands.
        subject: what its policy is about.
        manifests: what the commit under way declares, by key.
        unknown: kinds the cluster does not serve (yet).
    """
    workload = manifests.get(subject.workload)
    ahead = () if state.running else _ahead(subject, manifests, unknown)
    if workload is None or subject.policy.strategy.rolling is not None:
        return tuple(ahead)
    return (
        *ahead,
        *_budgets(subject, workload.obj, manifests),
        *_services(subject, workload.obj, manifests),
        *_baseline(state, subject),
    )


def _ahead(subject: ResolvedPolicy, manifests: Mapping[ObjectKey, Manifest], unknown: frozenset[GroupKind]) -> Iterator[str]:
    """What would refuse the next version, before it is pushed."""
    if refused := refusal(subject, manifests, unknown=unknown):
        yield f"no rollout can begin: {refused}"


def _budgets(subject: ResolvedPolicy, workload: Object, manifests: Mapping[ObjectKey, Manifest]) -> Iterator[str]:
    """Budgets that count stable and canary pods as one."""
    own = (template(workload).get("metadata") or {}).get("labels") or {}
    second = {**own, **canary_objects.labels("0")}
    for key, manifest in sorted(manifests.items()):
        if key.group_kind != ("policy", "PodDisruptionBudget") or key.namespace != subject.workload.namespace:
            continue
        selector = (manifest.obj.get("spec") or {}).get("selector")
        if matches(selector, own) and matches(selector, second):
            yield (
                f"{key} counts the pods of {subject.workload} and those of its canary as one: "
                f"select by {canary_objects.VARIANT}: {canary_objects.PRIMARY} to protect the stable pods alone"
            )


def _services(subject: ResolvedPolicy, workload: Object, manifests: Mapping[ObjectKey, Manifest]) -> Iterator[str]:
    """Other Services that reach canary pods whatever the weight is."""
    own = (template(workload).get("metadata") or {}).get("labels") or {}
    second = {**own, **canary_objects.labels("0")}
    for key, manifest in sorted(manifests.items()):
        if key.group_kind != ("", "Service") or key.namespace != subject.workload.namespace or key == subject.service:
            continue
        exact = (manifest.obj.get("spec") or {}).get("selector")
        if exact and matches_labels(exact, own) and matches_labels(exact, second):
            yield (
                f"{key} reaches the pods of {subject.workload} and those of its canary, whatever the weight is: "
                f"select by {canary_objects.VARIANT}: {canary_objects.PRIMARY} to reach the stable pods alone"
            )


def _baseline(state: RolloutState, subject: ResolvedPolicy) -> Iterator[str]:
    if state.beside and run(subject.policy).compared and state.canary and not state.baseline:
        yield "the surge leaves no room for a baseline beside the canary: it is compared with the workload's own pods"
