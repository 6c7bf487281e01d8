from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.analysis.http_query import QueryInvalid
from gitops_agent.rollout.analysis.metric import Verdict
from gitops_agent.rollout.analysis.providers.job import job, verdict

SPEC: Object = {"template": {"metadata": {"labels": {"app": "smoke"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}}


def test_a_job_is_one_attempt_and_bears_the_marks() -> None:
    before = copy(SPEC)
    manifest = job(SPEC, name="web-smoke-1", namespace="shop", labels={"rollout": "web"})

    assert manifest["metadata"] == {"name": "web-smoke-1", "namespace": "shop", "labels": {"rollout": "web"}}
    assert manifest["spec"]["backoffLimit"] == 0
    assert manifest["spec"]["template"]["spec"]["restartPolicy"] == "Never"
    assert manifest["spec"]["template"]["metadata"]["labels"] == {"app": "smoke", "rollout": "web"}
    assert before == SPEC


def test_what_the_spec_says_stays() -> None:
    spec = {**copy(SPEC), "backoffLimit": 3}
    spec["template"]["spec"]["restartPolicy"] = "OnFailure"
    manifest = job(spec, name="a", namespace="b", labels={})

    assert (manifest["spec"]["backoffLimit"], manifest["spec"]["template"]["spec"]["restartPolicy"]) == (3, "OnFailure")


@pytest.mark.parametrize(("spec", "name"), [({}, "a"), ({"template": {"spec": {}}}, "a"), (SPEC, ""), (SPEC, "a" * 64)])
def test_a_job_that_cannot_be_made_is_refused(spec: Object, name: str) -> None:
    with pytest.raises(QueryInvalid):
        job(spec, name=name, namespace="b", labels={})


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, None),
        ({"conditions": None}, None),
        ({"conditions": [None, {"type": "Complete", "status": "False"}]}, None),
        ({"conditions": [{"type": "SuccessCriteriaMet", "status": "True"}]}, None),
        ({"conditions": [{"type": "Complete", "status": "True"}]}, (Verdict.SUCCESS, "")),
        ({"conditions": [{"type": "Failed", "status": "True", "message": "too\nlate"}]}, (Verdict.FAILURE, "too late")),
    ],
)
def test_the_conditions_of_a_job_are_its_verdict(status: Any, expected: tuple[Verdict, str] | None) -> None:
    assert verdict({"kind": "Job", "status": status}) == expected
