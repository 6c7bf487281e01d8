from __future__ import annotations

from gitops_agent.sync.health import Health, Status, worst


def test_what_is_broken_outranks_what_cannot_be_judged() -> None:
    ranked = sorted(Status, key=lambda status: status.severity)

    assert ranked == [
        Status.HEALTHY,
        Status.SUSPENDED,
        Status.PROGRESSING,
        Status.MISSING,
        Status.UNKNOWN,
        Status.DEGRADED,
    ]


def test_the_worst_of_nothing_is_healthy() -> None:
    assert worst([]) == Health(Status.HEALTHY)


def test_the_first_of_the_worst_is_named() -> None:
    healths = [Health(Status.PROGRESSING, "A"), Health(Status.DEGRADED, "B"), Health(Status.DEGRADED, "C")]

    assert worst(healths).reason == "B"
