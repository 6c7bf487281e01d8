from __future__ import annotations

import pytest

from gitops_agent.cluster.client import Actor
from gitops_agent.errors import Forbidden
from gitops_agent.server.chat.identities import Person
from gitops_agent.server.chat.writes import refuse_author
from tests.server.applications import application


def person(*authors: str) -> Person:
    return Person(actor=Actor(user="dana@acme", via="slack/T1/U1"), groups=(), authors=authors)


@pytest.mark.parametrize("author", ["Dana <dana@example.com>", "dana@example.com", "Dana Doe <other@example.com>", ""])
def test_an_author_may_not_approve_under_any_of_their_names(author: str) -> None:
    live = application("shop")
    live["status"]["source"]["author"] = author

    with pytest.raises(Forbidden, match="another person approves"):
        refuse_author(live, person("DANA@example.com", "Dana Doe"))


def test_another_person_may_approve() -> None:
    refuse_author(application("shop"), person("dana@example.com"))


def test_a_person_without_listed_names_may_not() -> None:
    with pytest.raises(Forbidden, match="no authors are listed for dana@acme"):
        refuse_author(application("shop"), person())
