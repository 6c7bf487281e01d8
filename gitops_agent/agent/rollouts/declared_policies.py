"""The policies a commit declares, read and checked as a whole.

Problem: a commit with a policy that cannot be followed says nothing about the rollouts of its application, and a run under way
must not stand still for it: its metrics are judged and commands are taken. Decision: a commit whose policies are refused counts
as one that does not render: the rollouts go on with the last commit that was accepted, or with the commit they are at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitops_agent.api.problems import read
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.errors import AgentError, RenderError
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.rollout.coverage import target
from gitops_agent.sync.desired import Desired


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredPolicies:
    """The policies of a commit, read once.

    Attributes:
        commit: what was read; None where it is not known.
        specs: the policies, by key; empty where they are refused.
        refused: why they cannot be followed; None when they can.
    """

    commit: Desired | None = None
    specs: Mapping[ObjectKey, RolloutPolicySpec] = field(default_factory=dict)
    refused: AgentError | None = None

    @classmethod
    def of(cls, commit: Desired | None) -> DeclaredPolicies:
        """The policies that a commit declares."""
        try:
            return cls(commit=commit, specs=_specs(_policies(commit)))
        except AgentError as error:
            return cls(commit=commit, refused=error)


def _policies(commit: Desired | None) -> dict[ObjectKey, Object]:
    if commit is None:
        return {}
    declared = (manifest for manifest in commit.manifests if manifest.key.group_kind == ROLLOUT_POLICY)
    return {manifest.key: manifest.obj for manifest in declared if manifest.key not in commit.contested}


def _specs(policies: Mapping[ObjectKey, Object]) -> dict[ObjectKey, RolloutPolicySpec]:
    """The policies, read.

    Raises:
        SpecInvalid: one of them cannot be read.
        RenderError: two policies target one workload.
    """
    result = {key: read(RolloutPolicySpec, obj.get("spec") or {}, root=f"{key} spec") for key, obj in policies.items()}
    _refuse_doubles(result)
    return result


def _refuse_doubles(specs: Mapping[ObjectKey, RolloutPolicySpec]) -> None:
    """Refuses two policies of one workload: they would undo each other.

    Raises:
        RenderError: two policies target one workload.
    """
    first: dict[ObjectKey, ObjectKey] = {}
    for key, spec in specs.items():
        workload = target(key.namespace, spec)
        other = first.setdefault(workload, key)
        if other != key:
            raise RenderError(
                f"{key} and {other} are both about {workload.kind} {workload.name}",
                reason="RolloutRefused",
                objects=[str(key), str(other)],
            )
