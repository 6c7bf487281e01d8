"""Which policies of a commit can be followed."""

from __future__ import annotations

import pytest

from gitops_agent.agent.rollouts.declared_policies import policies, refusal, specs
from gitops_agent.api.application import API_VERSION
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from tests.sync.samples import thing, wanted


def policy(name: str, *, target: str = "web", **strategy: Object) -> Object:
    spec = {"targetRef": {"kind": "Deployment", "name": target}, "strategy": {"rolling": {}, **strategy}}
    return {"apiVersion": API_VERSION, "kind": "RolloutPolicy", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def test_the_policies_of_a_commit_are_those_among_its_objects() -> None:
    commit = wanted(policy("web"), policy("api", target="api"), thing("ConfigMap", "one"))

    assert [key.name for key in policies(commit)] == [key.name for key in specs(commit)] == ["api", "web"]
    assert refusal(commit) is None
    assert (policies(None), specs(None), refusal(None)) == ({}, {}, None)


@pytest.mark.parametrize(
    ("refused", "reason", "words"),
    [
        ([policy("web", setWeight={})], "InvalidSpec", "RolloutPolicy:shop/web spec.strategy.setWeight: is unknown"),
        ([policy("web"), policy("other")], "RolloutRefused", "are both about Deployment web"),
    ],
)
def test_one_policy_that_cannot_be_followed_refuses_them_all(refused: list[Object], reason: str, words: str) -> None:
    commit = wanted(policy("api", target="api"), *refused)

    error = refusal(commit)

    assert error is not None
    assert (error.reason, words in str(error)) == (reason, True)
    with pytest.raises(AgentError):
        specs(commit)
