"""Which policies of a commit can be followed."""

from __future__ import annotations

import pytest

from gitops_agent.agent.rollouts.declared_policies import DeclaredPolicies
from gitops_agent.api.application import API_VERSION
from gitops_agent.manifest.key import Object
from tests.sync.samples import thing, wanted


def policy(name: str, *, target: str = "web", **strategy: Object) -> Object:
    spec = {"targetRef": {"kind": "Deployment", "name": target}, "strategy": {"rolling": {}, **strategy}}
    return {"apiVersion": API_VERSION, "kind": "RolloutPolicy", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def test_the_policies_of_a_commit_are_those_among_its_objects() -> None:
    commit = wanted(policy("web"), policy("api", target="api"), thing("ConfigMap", "one"))

    declared = DeclaredPolicies.of(commit)

    assert (declared.commit, [key.name for key in declared.specs], declared.refused) == (commit, ["api", "web"], None)
    assert DeclaredPolicies.of(None) == DeclaredPolicies()


@pytest.mark.parametrize(
    ("refused", "reason", "words"),
    [
        ([policy("web", setWeight={})], "InvalidSpec", "RolloutPolicy:shop/web spec.strategy.setWeight: is unknown"),
        ([policy("web"), policy("other")], "RolloutRefused", "are both about Deployment web"),
    ],
)
def test_one_policy_that_cannot_be_followed_refuses_them_all(refused: list[Object], reason: str, words: str) -> None:
    commit = wanted(policy("api", target="api"), *refused)

    declared = DeclaredPolicies.of(commit)

    assert declared.refused is not None
    assert (declared.refused.reason, words in str(declared.refused), declared.specs) == (reason, True, {})
