"""A plan as it is printed, without a cluster."""

from __future__ import annotations

import pytest

from gitops_agent.cli.plan_view import document, show
from gitops_agent.preview.comparison import Preview
from gitops_agent.preview.rollout_projection import RolloutProjection
from tests.sync.planning.test_plan import planned
from tests.sync.samples import thing, wanted


def preview(stopped: str = "") -> Preview:
    objects = [thing("ConfigMap", "one")]
    return Preview(plan=planned(*objects), rest=RolloutProjection(desired=wanted(*objects)), stopped=stopped)


def test_a_plan_that_a_failed_hook_stops_says_so_last(capsys: pytest.CaptureFixture[str]) -> None:
    words = "the pre-sync hook migrate failed; the plan waits for a commit"

    assert show(preview(words)) == 3
    assert capsys.readouterr().err.splitlines()[-1] == f"not now: {words}"
    assert document(preview(words))["stopped"] == words


def test_a_plan_that_nothing_stops_ends_with_its_summary(capsys: pytest.CaptureFixture[str]) -> None:
    show(preview())

    assert capsys.readouterr().err.splitlines()[-1].endswith("1 to create")
    assert document(preview())["stopped"] == ""
