from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.api.application_rules import ApplicationRules
from gitops_agent.api.problems import SpecInvalid
from tests.agent.samples import application

GIT = "https://git.example.com/"


def test_without_rules_an_application_stays_as_it_is() -> None:
    shop = application()
    assert ApplicationRules().applied(shop) == shop


def test_the_default_account_is_that_of_applications_without_one() -> None:
    rules = ApplicationRules(default_account="tenant", require_account=True)
    assert rules.applied(application()).user == "system:serviceaccount:gitops-system:tenant"
    assert rules.applied(application(serviceAccountName="own")).user == "system:serviceaccount:gitops-system:own"


def test_an_application_without_an_account_is_refused_where_one_is_required() -> None:
    with pytest.raises(SpecInvalid, match=r"spec\.serviceAccountName: is required by the setting"):
        ApplicationRules(require_account=True).applied(application())


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        (f"{GIT}team/config.git", True),
        (f"{GIT}team/a/b", True),
        (f"{GIT}other/config.git", False),
        (f"{GIT}team/../other/config.git", False),
        (f"{GIT}team/%2e%2e/other/config.git", False),
        ("https://git.example.com.evil.example/team/config.git", False),
        ("ssh://git@git.example.com/one.git", True),
        ("ssh://git@git.example.com/one.git.git", False),
    ],
)
def test_only_repositories_that_a_pattern_names_are_followed(url: str, *, allowed: bool) -> None:
    rules = ApplicationRules(repositories=(f"{GIT}team/*", "ssh://git@git.example.com/one.git"))
    shop: Any = application(url=url)
    if allowed:
        assert rules.applied(shop) == shop
        return
    with pytest.raises(SpecInvalid, match=r"spec\.source\.repoURL: is not among"):
        rules.applied(shop)


def test_an_application_of_another_cluster_is_refused_and_both_are_named() -> None:
    rules = ApplicationRules(cluster_uid="b2")
    pinned = application(destination={"clusterUID": "a1"})

    with pytest.raises(
        SpecInvalid, match=r"spec\.destination\.clusterUID: names the cluster a1, and this one is b2"
    ) as refused:
        rules.applied(pinned)

    assert refused.value.reason == "WrongCluster"


@pytest.mark.parametrize("known", ["a1", ""])
def test_an_application_of_this_cluster_or_of_an_unknown_one_is_followed(known: str) -> None:
    pinned = application(destination={"clusterUID": "a1"})

    assert ApplicationRules(cluster_uid=known).applied(pinned) == pinned


@pytest.mark.parametrize("beside", [False, True], ids=["as the source", "beside a commit"])
def test_repositories_of_charts_are_among_those_that_may_be_followed(*, beside: bool) -> None:
    rules = ApplicationRules(repositories=("https://charts.example.com/*", f"{GIT}*"))

    def charted(repository: str) -> Any:
        chart = {"repository": repository, "name": "podinfo", "version": "6.5.4"}
        git = {"repoURL": f"{GIT}config.git", "ref": {"branch": "main"}}
        return application(source=git, render={"helm": {"chart": chart}}) if beside else application(source={"chart": chart})

    allowed = charted("https://charts.example.com/stable")
    assert rules.applied(allowed) == allowed
    with pytest.raises(SpecInvalid, match=r"chart\.repository: is not among the repositories"):
        rules.applied(charted("https://other.example.com/stable"))
