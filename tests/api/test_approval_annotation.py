from __future__ import annotations

from gitops_agent.api.approval_annotation import approved_by_person
from gitops_agent.api.parse import parse
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.marks import APPROVED, FIELD_MANAGER
from tests.agent.samples import application, application_object

PLAN = "a" * 12


def test_a_person_approves_by_an_annotation() -> None:
    assert approved_by_person(application(annotations={APPROVED: f" {PLAN} "})) == PLAN
    assert approved_by_person(application()) == ""


def test_an_annotation_from_git_approves_nothing() -> None:
    raw = application_object(annotations={APPROVED: PLAN})
    fields: Object = {"f:metadata": {"f:annotations": {f"f:{APPROVED}": {}}}}
    raw["metadata"]["managedFields"] = [{"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": fields}]

    assert approved_by_person(parse(raw)) == ""
