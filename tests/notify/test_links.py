from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.links import commit_page, page_of
from tests.notify.builders import message

URL = "https://gitops.example.com/"


@pytest.mark.parametrize(
    ("type_", "fields", "page"),
    [
        (EventType.DEGRADED, {}, "a/ops/shop"),
        (EventType.HELD, {"facts": {"plan": "310910c2ab"}}, "a/ops/shop/plan/310910c2ab"),
        (EventType.HELD, {"facts": {"plan": "../x"}}, "a/ops/shop"),
        (EventType.DRIFT_DETECTED, {}, "a/ops/shop/drift"),
        (EventType.PROMOTED, {}, "a/ops/shop/rollouts"),
    ],
)
def test_a_message_is_explained_by_a_page(type_: EventType, fields: dict[str, Any], page: str) -> None:
    assert page_of(message(type_, **fields), URL) == URL + page


def test_a_commit_is_explained_by_the_applications_that_follow_it() -> None:
    assert commit_page("a" * 40, URL) == f"{URL}?q=commit%3A{'a' * 12}"


def test_without_an_address_there_is_no_link() -> None:
    assert page_of(message(), "") == ""
    assert commit_page("a" * 40, "") == ""


def test_an_address_ends_no_markup() -> None:
    assert page_of(message(), 'https://gitops.example.com/"><b>|') == "https://gitops.example.com/%22%3E%3Cb%3E%7C/a/ops/shop"
