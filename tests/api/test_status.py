from __future__ import annotations

from datetime import UTC, datetime

from gitops_agent.api.conditions import set_condition
from gitops_agent.api.status import Condition, seconds_between


def test_a_condition_the_agent_makes_fits_its_description() -> None:
    now = datetime(2026, 11, 22, 21, tzinfo=UTC)
    (made,) = set_condition([], "Ready", None, "Progressing", "on its way", generation=1, now=now)

    assert Condition.model_validate(made, by_name=False).status == "Unknown"


def test_spans_are_between_known_moments_and_never_negative() -> None:
    assert seconds_between("2026-05-04T12:00:00Z", "2026-05-04T12:01:30Z") == 90
    assert seconds_between("2026-05-04T12:01:30Z", "2026-05-04T12:00:00Z") == 0
    assert seconds_between("2026-05-04T12:00:00Z", "") is None
    assert seconds_between(None, "soon") is None
