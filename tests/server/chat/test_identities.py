from __future__ import annotations

import pytest

from gitops_agent.errors import AgentError, Forbidden
from gitops_agent.manifest.yaml import dump
from gitops_agent.server.chat.identities import FILE, Identities, identities_of
from gitops_agent.server.chat.slack_request import SlackCall
from tests.server.chat.requests import DANA, LI, TEAM

ENTRY = {"slack": {"team": TEAM, "user": DANA}, "user": "dana@acme", "groups": ["dev"], "authors": ["dana@example.com"]}


def listed(*entries: object) -> Identities:
    return identities_of({FILE: dump({"identities": list(entries)}).encode()}, "ConfigMap a/b")


def call(team: str = TEAM, user: str = DANA, enterprise: str = "", home: str = "") -> SlackCall:
    return SlackCall(team=team, user=user, enterprise=enterprise, home=home)


def test_a_person_who_is_listed_has_user_and_groups() -> None:
    person = listed(ENTRY).person(call())

    assert (person.user, person.groups, person.authors) == (
        "dana@acme",
        ("dev", "system:authenticated"),
        ("dana@example.com",),
    )
    assert person.actor.via == f"slack/{TEAM}/{DANA}"


@pytest.mark.parametrize(
    "stranger",
    [call(user=LI), call(team="T0OTHER"), call(enterprise="E1"), call(home="T0OTHER")],
    ids=["user", "team", "enterprise", "connect"],
)
def test_everybody_else_is_refused_in_one_way(stranger: SlackCall) -> None:
    with pytest.raises(Forbidden, match=f"ConfigMap a/b does not name slack/{stranger.team}/{stranger.user}$"):
        listed(ENTRY).person(stranger)


def test_an_organization_is_part_of_who_a_person_is() -> None:
    grid = listed({**ENTRY, "slack": {"team": TEAM, "user": DANA, "enterprise": "E1"}})

    assert grid.person(call(enterprise="E1")).user == "dana@acme"
    with pytest.raises(Forbidden):
        grid.person(call())


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([ENTRY, ENTRY], "twice"),
        ([{**ENTRY, "groups": ["system:masters"]}], "must not start with system:"),
        ([{**ENTRY, "user": "system:admin"}], "must not start with system:"),
        ([{**ENTRY, "user": "a b"}], r"identities\[0\].user"),
        ([{**ENTRY, "email": "dana@acme"}], "email"),
        ([{"user": "dana"}], r"identities\[0\].slack"),
        ([{**ENTRY, "slack": {"team": "acme", "user": DANA}}], r"identities\[0\].slack.team"),
        ([{**ENTRY, "groups": [f"g{number}" for number in range(51)]}], "more than 50"),
        ([None], r"identities\[0\]"),
    ],
    ids=["twice", "masters", "admin", "blank", "email", "slack", "team", "groups", "null"],
)
def test_a_list_with_a_mistake_counts_as_none(entries: list[object], words: str) -> None:
    with pytest.raises(AgentError, match=words) as caught:
        listed(*entries)
    assert caught.value.reason == "ChatIdentitiesInvalid"


@pytest.mark.parametrize(
    "data",
    [{}, {FILE: b"["}, {FILE: b"[" * 1000}, {FILE: b"- x"}, {FILE: b"\xff\xfe\xfd"}, {FILE: b"#" * 600_000}],
    ids=["absent", "torn", "deep", "list", "bytes", "large"],
)
def test_content_of_another_shape_is_refused(data: dict[str, bytes]) -> None:
    with pytest.raises(AgentError) as caught:
        identities_of(data, "ConfigMap a/b")
    assert caught.value.reason == "ChatIdentitiesInvalid"


def test_an_empty_list_names_nobody() -> None:
    with pytest.raises(Forbidden):
        identities_of({FILE: b""}, "ConfigMap a/b").person(call())
