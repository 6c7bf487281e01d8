"""What a person accepts by a hash, and for which Application."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gitops_agent.api.application import Application
from gitops_agent.errors import SourceError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import APPROVED, FIELD_MANAGER
from gitops_agent.source.chart.chart_ref import ChartRef, ChartSource
from gitops_agent.source.chart.republication import Republication, accepted, accepting, republication_of
from tests.agent.samples import application

CHARTS = ChartSource(url="https://charts.example.com")
RANGE = ChartRef(name="podinfo", version="~6.5")
CHANGE = Republication(
    repository=CHARTS.url, name="podinfo", version="6.5.4", before="sha256:" + "a" * 64, digest="sha256:" + "b" * 64
)
NEW = f"6.5.4@{CHANGE.digest}"


def status(app: Application, **source: Any) -> Application:
    return replace(app, status={"source": source})


def approved(plan: str, **source: Any) -> Application:
    return status(application(annotations={APPROVED: plan}), **source)


@pytest.mark.parametrize("digits", [12, 64])
def test_the_hash_of_a_change_accepts_its_content_for_that_chart_alone(digits: int) -> None:
    app = approved(CHANGE.hash[:digits].upper(), republished=CHANGE.to_json())

    assert accepting(app, CHARTS, RANGE).accepted == NEW
    assert accepting(app, CHARTS, ChartRef(name="other", version="~6.5")).accepted == ""
    assert accepting(app, ChartSource(url="https://other.example.com"), RANGE).accepted == ""
    pinned = ChartRef(name="podinfo", version="6.5.4", digest=CHANGE.before)
    assert accepting(app, CHARTS, pinned) == pinned


@pytest.mark.parametrize("plan", ["", CHANGE.hash[:11], "f" * 64])
def test_no_other_hash_accepts_it(plan: str) -> None:
    assert accepted(approved(plan, republished=CHANGE.to_json())) is None


def test_an_approval_that_came_from_git_accepts_nothing() -> None:
    app = approved(CHANGE.hash, republished=CHANGE.to_json())
    fields: Object = {"f:metadata": {"f:annotations": {f"f:{APPROVED}": {}}}}
    entry = {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}
    raw = {**app.raw, "metadata": {**app.raw["metadata"], "managedFields": [entry]}}

    assert accepted(replace(app, raw=raw)) is None


def test_what_was_accepted_stays_until_another_change_is_accepted() -> None:
    third = replace(CHANGE, before=CHANGE.digest, digest="sha256:" + "c" * 64)
    kept = {"accepted": CHANGE.to_json(), "republished": third.to_json()}

    assert third.hash != CHANGE.hash
    assert accepted(approved(CHANGE.hash, **kept)) == CHANGE
    assert accepted(approved(third.hash, **kept)) == third


def test_a_status_whose_digests_were_changed_accepts_nothing() -> None:
    changed = {**CHANGE.to_json(), "digest": "sha256:" + "c" * 64}

    assert accepted(approved(CHANGE.hash, republished=changed)) is None
    error = SourceError("held", reason="ChartRepublished")
    error.facts |= changed
    assert republication_of(error) is None
