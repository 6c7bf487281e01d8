from __future__ import annotations

from gitops_agent.api.conditions import set_condition
from gitops_agent.api.status import ApplicationStatus
from tests.api.test_conditions import EARLY
from tests.api.test_crd import STATUS


def test_a_whole_status_is_described() -> None:
    written = ApplicationStatus.model_validate(STATUS, by_name=False).model_dump(mode="json", by_alias=True)

    assert written == STATUS


def test_a_condition_the_agent_makes_fits_its_description() -> None:
    conditions = set_condition([], "Ready", None, "Progressing", "on its way", generation=1, now=EARLY)

    assert ApplicationStatus.model_validate({"conditions": conditions}, by_name=False).conditions[0].status == "Unknown"
