from __future__ import annotations

from gitops_agent.manifest.key import Object
from gitops_agent.sync.health.status import Health, Status
from gitops_agent.sync.hook_runs.waves import WaveProgress, behind, wave_progress
from gitops_agent.sync.planning.plan import Plan, PlanPolicy, plan
from tests.sync.samples import crd, live, seen, thing, wanted


def waved(name: str, wave: int) -> Object:
    return thing("ConfigMap", name, annotations={"gitops-agent.dev/wave": str(wave)})


A, B, C = waved("a", -1), waved("b", 0), waved("c", 2)


def planned(*there: Object) -> Plan:
    return plan(wanted(A, B, C), seen(*(live(obj) for obj in there)), PlanPolicy())


def progress(*there: Object, bad: Object | None = None) -> WaveProgress:
    lives = [live(obj) if obj is not bad else live(obj, health=Health(Status.PROGRESSING)) for obj in there]
    return wave_progress(planned(*there), {live_object.key: live_object for live_object in lives})


def test_a_wave_is_reached_when_it_is_applied_and_the_lower_ones_are_healthy() -> None:
    assert progress() == WaveProgress(unapplied=-1, unhealthy=-1)
    assert not progress().reached(0)
    half = progress(A, B)
    assert half == WaveProgress(unapplied=2, unhealthy=2)
    assert [half.reached(wave) for wave in (-1, 0, 1, 2)] == [True, True, True, False]
    assert progress(A, B, C) == WaveProgress(unapplied=None, unhealthy=None)


def test_an_object_of_a_lower_wave_that_is_not_healthy_holds_a_hook_up() -> None:
    sick = progress(A, B, C, bad=B)
    assert [sick.reached(wave) for wave in (-1, 0, 1)] == [True, True, False]


def test_objects_of_higher_waves_and_deletions_wait_for_a_hook() -> None:
    made = plan(wanted(A, B, C), seen(live(thing("ConfigMap", "old"))), PlanPolicy())
    assert {key.name for key in behind(made, 0)} == {"c", "old"}
    assert {key.name for key in behind(made, 2)} == {"old"}


def test_what_an_early_object_cannot_do_without_does_not_wait() -> None:
    late = crd()
    late["metadata"]["annotations"] = {"gitops-agent.dev/wave": "5"}
    made = plan(wanted(late, thing("Widget", "w")), seen(), PlanPolicy())
    assert behind(made, 0) == frozenset()
