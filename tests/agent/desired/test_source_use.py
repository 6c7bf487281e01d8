from __future__ import annotations

from dataclasses import replace

from gitops_agent.agent.desired.source_use import ROLES, SOURCE, SourceUse
from gitops_agent.source.sources import Ref, Repository
from gitops_agent.source.values import MOST_VALUES
from tests.agent.samples import application

USE = SourceUse(
    repository=Repository(url="https://git.example.com/config.git"),
    ref=Ref(kind="branch", value="main"),
    seconds=60.0,
    verified=False,
    application=application("shop"),
)


def test_a_use_is_the_same_whatever_else_the_application_says() -> None:
    assert replace(USE, application=application("shop", suspend={"reason": "x"})) == USE
    assert replace(USE, seconds=30.0) != USE


def test_an_application_follows_a_source_a_chart_and_repositories_with_values() -> None:
    assert ROLES[0] == SOURCE
    assert len(set(ROLES)) == MOST_VALUES + 2
