from __future__ import annotations

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.drift.fight_detector import FightDetector
from tests.clock import Clock

WEB, DB = (ObjectKey("apps", "Deployment", "shop", name) for name in ("web", "db"))


def test_one_repair_is_no_fight() -> None:
    fights = FightDetector(clock=Clock())
    assert not fights.repaired(WEB)
    assert not fights.fighting(WEB)


def test_five_repairs_within_a_minute_are_a_fight() -> None:
    clock = Clock()
    fights = FightDetector(clock=clock)
    for _ in range(5):
        clock.now += 12
        fights.repaired(WEB)
    assert fights.fighting(WEB)
    assert not fights.fighting(DB)


def test_a_repair_every_minute_is_no_fight_however_long_it_goes_on() -> None:
    clock = Clock()
    fights = FightDetector(clock=clock)
    for _ in range(500):
        clock.now += 60
        assert not fights.repaired(WEB)


def test_a_fight_ends_by_itself_once_it_has_cooled_down() -> None:
    clock = Clock()
    fights = FightDetector(clock=clock)
    for _ in range(6):
        fights.repaired(WEB)
    assert fights.fighting(WEB)
    clock.now += fights.seconds(WEB) + 1
    assert not fights.fighting(WEB)
    assert fights.seconds(WEB) == 0


def test_a_fight_is_not_resumed_between_its_end_and_the_next_heat() -> None:
    clock = Clock()
    fights = FightDetector(clock=clock)
    for _ in range(6):
        fights.repaired(WEB)
    clock.now += 200
    assert not fights.fighting(WEB)
    assert not fights.repaired(WEB)


def test_something_wanted_anew_starts_without_heat() -> None:
    fights = FightDetector(clock=Clock())
    for _ in range(9):
        fights.repaired(WEB)
    fights.forget(WEB)
    assert not fights.fighting(WEB)
    assert not fights.repaired(WEB)


def test_ten_thousand_cold_objects_are_forgotten() -> None:
    clock = Clock()
    fights = FightDetector(clock=clock)
    for index in range(10_000):
        fights.repaired(ObjectKey("", "ConfigMap", "shop", str(index)))
    clock.now += 10_000
    fights.repaired(WEB)
    assert len(fights._heat) == 1
