from __future__ import annotations

from gitops_agent.api.application_status import ApplicationStatus
from tests.api.test_crd import STATUS


def test_a_whole_status_is_described() -> None:
    written = ApplicationStatus.model_validate(STATUS, by_name=False).model_dump(mode="json", by_alias=True)

    assert written == STATUS
