from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.api.event_type import EventType
from gitops_agent.manifest.key import ObjectKey
from gitops_agent.notify.message import SIZE_LIMIT, Message
from tests.notify.builders import NOON, event, message, revision


def test_a_message_says_whose_and_what() -> None:
    notification = message()

    assert notification.title == "ops/shop: degraded"
    assert notification.lines == ("apps/Deployment:shop/web: crash", "Commit: 0123456789ab Raise the limit")


@pytest.mark.parametrize("type_", EventType)
def test_every_edge_has_a_title(type_: EventType) -> None:
    assert message(type_).title.startswith("ops/shop: ")


def test_the_same_edge_has_the_same_id_whenever_it_is_sent() -> None:
    assert message().id == message(at=NOON + timedelta(hours=1), message="other words").id


@pytest.mark.parametrize("fields", [{"reason": "TimedOut"}, {"name": "other"}, {"revision": None}])
def test_another_edge_has_another_id(fields: dict[str, Any]) -> None:
    assert message(**fields).id != message().id


def test_drift_of_another_object_is_another_edge() -> None:
    other = (ObjectKey("", "Service", "shop", "web"),)

    assert message(EventType.DRIFT_REPAIRED, objects=other).id != message(EventType.DRIFT_REPAIRED).id
    assert message(EventType.DEGRADED, objects=other).id == message(EventType.DEGRADED).id


def test_every_step_of_every_rollout_is_an_edge_of_its_own() -> None:
    web, api = (ObjectKey("apps", "Deployment", "shop", name) for name in ("web", "api"))
    first = message(EventType.ROLLOUT_STEP, objects=(web,), facts={"hash": "ab12", "step": 0})

    assert message(EventType.ROLLOUT_STEP, objects=(web,), facts={"hash": "ab12", "step": 0}).id == first.id
    assert message(EventType.ROLLOUT_STEP, objects=(web,), facts={"hash": "ab12", "step": 1}).id != first.id
    assert message(EventType.ROLLOUT_STEP, objects=(web,), facts={"hash": "cd34", "step": 0}).id != first.id
    assert message(EventType.ROLLOUT_STEP, objects=(api,), facts={"hash": "ab12", "step": 0}).id != first.id


def test_credentials_in_foreign_words_do_not_leave() -> None:
    notification = message(
        message="cannot dial postgres://shop:hunter22@db",
        revision=revision(repository="https://bot:hunter22@git.example.org/c.git", subject="set token=hunter22"),
        facts={"url": "https://x:hunter22@y"},
    )

    assert b"hunter22" not in orjson.dumps(notification.to_json())


def test_a_message_is_found_again_as_it_was_kept() -> None:
    notification = message(facts={"plan": "abc", "count": 3})

    assert Message.from_json(notification.to_json()) == notification


@given(
    text=st.text(max_size=1500),
    subject=st.text(max_size=300),
    facts=st.dictionaries(st.text(max_size=200), st.text(max_size=300) | st.integers(), max_size=12),
    names=st.lists(st.text(alphabet="abc\u20ac\U0001f600", min_size=1, max_size=300), max_size=12),
)
def test_no_message_is_larger_than_its_place(text: str, subject: str, facts: dict[str, object], names: list[str]) -> None:
    objects = tuple(ObjectKey("apps", "Deployment", "n", name) for name in names)

    notification = Message.of(event(message=text, revision=revision(subject=subject), facts=facts, objects=objects))

    assert len(orjson.dumps(notification.to_json())) <= SIZE_LIMIT
    assert Message.from_json(notification.to_json()) == notification


@pytest.mark.parametrize("value", [{}, {"event": "Degraded"}, {"event": "No", "application": "a/b", "at": "x"}, {"at": 5}])
def test_what_is_no_message_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Message.from_json(value)


def test_a_message_for_many_says_how_many() -> None:
    assert message().again(2).title == "ops/shop: degraded (3 times)"


@pytest.mark.parametrize(("event", "fact"), [(EventType.HISTORY_REWRITTEN, "new"), (EventType.APPROVED, "plan")])
def test_two_rewrites_and_two_approvals_of_one_commit_are_two_messages(event: EventType, fact: str) -> None:
    first, second = (message(event, facts={fact: value}) for value in ("a", "b"))

    assert first.id != second.id
