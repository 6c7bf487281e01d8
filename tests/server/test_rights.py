from __future__ import annotations

import pytest

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.manifest.yaml import load_all
from gitops_agent.server.rights import Rights, rights_of, rule_for

READS = frozenset({("list", "applications"), ("get", "applications")})


def test_patch_is_enough_where_verbs_are_not_enforced() -> None:
    rights = Rights(namespace="gitops", allowed=READS | {("patch", "applications")})

    assert rights.missing("approve", "applications") == ""
    assert rights.missing("approve", "rolloutpolicies") == "patch"


@pytest.mark.parametrize(("action", "verb"), [("approve", "approve"), ("resume", "pause"), ("rollback", "sync")])
def test_where_verbs_are_enforced_an_action_needs_its_verb(action: str, verb: str) -> None:
    rights = Rights(namespace="gitops", allowed=READS | {("patch", "applications")}, enforced=True)

    assert rights.missing(action, "applications") == verb
    allowed = Rights(namespace="gitops", allowed=rights.allowed | {(verb, "applications")}, enforced=True)
    assert allowed.missing(action, "applications") == ""


def test_a_rule_with_names_shows_exactly_those() -> None:
    rights = Rights(namespace="gitops", names=frozenset({("get", "applications", "shop")}))

    assert rights.sees("shop")
    assert not rights.sees("pay")


def test_a_rule_can_be_copied_into_the_cluster() -> None:
    (role,) = load_all(rule_for("approve", "applications", "gitops").encode())

    assert role["rules"] == [{"apiGroups": ["gitops-agent.dev"], "resources": ["applications"], "verbs": ["approve"]}]


@pytest.mark.cluster
def test_an_administrator_may_do_everything(access: ClusterClient) -> None:
    rights = rights_of(access, "default", enforced=True)

    assert rights.sees_all
    assert rights.missing("approve", "applications") == ""
    assert rights.missing("promote", "rolloutpolicies") == ""
