from __future__ import annotations

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.notify.routing import DEFAULT_EVENTS, wants
from tests.notify.builders import event, notifier


@pytest.mark.parametrize("type_", EventType)
def test_a_notifier_without_events_gets_the_default_set(type_: EventType) -> None:
    assert wants(notifier(), event(type_), {}) is (type_ in DEFAULT_EVENTS)


def test_the_default_set_has_rollouts_that_wait_or_ended_and_not_each_step() -> None:
    types = {type_ for type_ in EventType if type_.startswith(("Rollout", "Promoted")) and wants(notifier(), event(type_), {})}

    assert types == {EventType.ROLLOUT_PAUSED, EventType.ROLLOUT_ABORTED, EventType.PROMOTED}


def test_a_notifier_with_events_gets_these_alone() -> None:
    chosen = notifier(events=["RevisionSeen"])

    assert wants(chosen, event(EventType.REVISION_SEEN), {})
    assert not wants(chosen, event(EventType.DEGRADED), {})


def test_labels_choose_applications() -> None:
    chosen = notifier(applications={"matchLabels": {"team": "shop"}})

    assert wants(chosen, event(), {"team": "shop"})
    assert not wants(chosen, event(), {"team": "bank"})
    assert not wants(chosen, event(), {})


def test_applications_of_another_namespace_are_ignored() -> None:
    assert not wants(notifier(namespace="other"), event(), {})
