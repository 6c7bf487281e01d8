from __future__ import annotations

from dataclasses import replace

import pytest

from gitops_agent.agent.reconcile.drift_events import DriftReporter
from gitops_agent.errors import AgentError
from gitops_agent.events.event import EventType
from gitops_agent.manifest.key import Object
from gitops_agent.sync.action import Action, ActionKind
from gitops_agent.sync.drift.fight_detector import FightDetector
from gitops_agent.sync.planning.plan import Plan
from tests.agent.samples import EventLog, application
from tests.clock import Clock
from tests.sync.samples import APP, REVISION, creations, key, kinds, seen, thing

ONE = key("ConfigMap", "one")
SHOP = application("shop")


def repair(*names: str) -> Plan:
    """A plan that repairs the drift of these ConfigMaps."""
    actions = tuple(
        replace(action, kind=ActionKind.UPDATE, intent=ActionKind.UPDATE, drift=True)
        for action in creations([thing("ConfigMap", name, data={"colour": "red"}) for name in names])
    )
    return Plan(application=APP, revision=REVISION, actions=actions, hash="h")


class Desk:
    """A reporter in the test's own time, and what it publishes."""

    def __init__(self) -> None:
        self.time, self.log = Clock(), EventLog()
        self.reporter = DriftReporter(self.log, FightDetector(clock=self.time))

    def fight(self) -> None:
        """Repairs the same object until that is a fight."""
        while self.reporter.leave_fights(repair("one")).writes:
            self.reporter.detected(SHOP, repair("one"), seen())

    def types(self) -> list[EventType]:
        return [event.type for event in self.log.events]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_drift_is_one_event_for_all_objects(desk: Desk) -> None:
    drifts = desk.reporter.detected(SHOP, repair("one", "two"), seen())

    assert [drift.action.key.name for drift in drifts] == ["one", "two"]
    (event,) = desk.log.events
    assert (event.type, event.reason, event.revision) == (EventType.DRIFT_DETECTED, "Drifted", REVISION)
    assert [each.name for each in event.objects] == ["one", "two"]
    assert "ConfigMap:shop/one" in event.message


def test_what_is_no_drift_is_no_event(desk: Desk) -> None:
    plan = repair("one")
    created: tuple[Action, ...] = tuple(replace(action, drift=False) for action in plan.actions)

    assert desk.reporter.detected(SHOP, replace(plan, actions=created), seen()) == ()
    assert desk.types() == []


def test_only_what_was_repaired_is_reported_as_repaired(desk: Desk) -> None:
    drifts = desk.reporter.detected(SHOP, repair("one", "two"), seen())

    desk.reporter.repaired(SHOP, drifts, {ONE})

    assert desk.types() == [EventType.DRIFT_DETECTED, EventType.DRIFT_REPAIRED]
    assert desk.log.events[-1].objects == (ONE,)
    desk.reporter.repaired(SHOP, drifts, set())
    assert len(desk.log.events) == 2


def test_a_fight_is_reported_and_left_alone_until_it_has_cooled_down(desk: Desk) -> None:
    desk.fight()

    assert desk.types().count(EventType.FIGHTING) == 1
    left = desk.reporter.leave_fights(repair("one", "two"))
    assert kinds(left) == {"ConfigMap:shop/one": "skip", "ConfigMap:shop/two": "update"}
    assert left.actions[0].reason == "Fighting"
    pause = desk.reporter.cooldown({ONE})
    assert pause is not None
    desk.time.now += pause
    assert desk.reporter.leave_fights(repair("one")).writes
    assert desk.reporter.cooldown(()) is None


def test_events_that_cannot_be_saved_stop_the_repair() -> None:
    class Full:
        def emit(self, application: Object, events: object) -> None:
            raise AgentError("no room", transient=True)

    with pytest.raises(AgentError):
        DriftReporter(Full(), FightDetector()).detected(SHOP, repair("one"), seen())
