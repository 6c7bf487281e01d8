from __future__ import annotations

import pytest

from gitops_agent.manifest.key import GroupKind
from gitops_agent.sync.apply.readiness import is_reached
from gitops_agent.sync.health import Health, Status
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.ordering.order import Until
from tests.sync.live.test_live_state import config
from tests.sync.samples import key

WEB = key("ConfigMap", "web")


@pytest.mark.parametrize(
    ("status", "until", "expected"),
    [
        (Status.HEALTHY, Until.HEALTHY, True),
        (Status.SUSPENDED, Until.HEALTHY, True),
        (Status.PROGRESSING, Until.HEALTHY, False),
        (Status.DEGRADED, Until.HEALTHY, False),
        (Status.UNKNOWN, Until.ESTABLISHED, False),
        (Status.HEALTHY, Until.ESTABLISHED, True),
        (Status.HEALTHY, Until.ACTIVE, True),
        (Status.DEGRADED, Until.APPLIED, True),
        (Status.HEALTHY, Until.GONE, False),
    ],
)
def test_how_far_an_object_has_come_is_reported_by_its_health(status: Status, until: Until, *, expected: bool) -> None:
    state = LiveState()
    state.put(config(health=Health(status)))
    assert is_reached(state, WEB, until) is expected


@pytest.mark.parametrize("until", [Until.APPLIED, Until.HEALTHY, Until.ACTIVE, Until.ESTABLISHED])
def test_what_is_being_deleted_is_nothing_to_build_on(until: Until) -> None:
    state = LiveState()
    state.put(config(deleting=True))
    assert not is_reached(state, WEB, until)


def test_what_is_not_there_is_gone_and_not_applied() -> None:
    assert is_reached(LiveState(), WEB, Until.GONE)
    assert not is_reached(LiveState(), WEB, Until.APPLIED)


def test_what_cannot_be_seen_is_not_gone() -> None:
    state = LiveState()
    state.cannot_see[GroupKind("", "ConfigMap")] = "forbidden"
    assert not is_reached(state, WEB, Until.GONE)
