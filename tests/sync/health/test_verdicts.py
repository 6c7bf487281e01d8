from __future__ import annotations

from gitops_agent.sync.health.reading import Condition
from gitops_agent.sync.health.status import Status
from gitops_agent.sync.health.verdicts import by_condition


def test_true_is_healthy_false_is_degraded_anything_else_is_progressing() -> None:
    assert by_condition(Condition("True"), name="Ready").status is Status.HEALTHY
    assert by_condition(Condition("False"), name="Ready").status is Status.DEGRADED
    assert by_condition(Condition("Unknown"), name="Ready").status is Status.PROGRESSING
    assert by_condition(Condition(), name="Ready").status is Status.PROGRESSING


def test_some_reasons_of_false_mean_not_yet() -> None:
    health = by_condition(Condition("False", "Pending", "wait"), name="Ready", waiting=("Pending",))

    assert (health.status, health.reason, health.message) == (Status.PROGRESSING, "Pending", "wait")


def test_a_condition_without_words_is_given_some() -> None:
    assert by_condition(Condition("False"), name="Ready").message == "condition Ready is False"
