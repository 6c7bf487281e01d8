from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.agent.reconcile.approvals import Grant, granted, trailer
from gitops_agent.api.application import Application
from gitops_agent.api.parse import parse
from gitops_agent.manifest.marks import APPROVED, APPROVED_BY, APPROVED_VIA, FIELD_MANAGER, claim
from gitops_agent.revision.revision import Revision
from tests.agent.samples import application_object

PLAN = "0123456789ab" + "0" * 52


def test_a_trailer_is_one_only_in_the_last_paragraph() -> None:
    assert trailer("Tidy up\n\nSome words.\n\nReviewed-by: Ada\nGitops-Agent-Approve:  abc123 \n") == "abc123"
    assert trailer("Tidy up\n\nGitops-Agent-Approve: abc123\n\nand more words\n") is None
    assert trailer("Tidy up\n\ngitops-agent-approve:\n") is None
    assert trailer("") is None


def commit(message: str = "") -> Revision:
    return Revision(repository="r", ref="main", commit="c" * 40, author="Ada <ada@example.com>", message=message)


def annotated(*managers: str, **annotations: str) -> Application:
    """An Application with annotations, which these managers applied."""
    names = {"plan": APPROVED, "by": APPROVED_BY, "via": APPROVED_VIA}
    obj = application_object(annotations={names[name]: text for name, text in annotations.items()})
    fields: dict[str, Any] = {"f:metadata": {"f:annotations": {f"f:{APPROVED}": {}}}}
    obj["metadata"]["managedFields"] = [{"manager": manager, "operation": "Apply", "fieldsV1": fields} for manager in managers]
    return parse(obj)


def test_a_commit_approves_its_own_plan_only_where_that_is_allowed() -> None:
    revision = commit(f"Remove it\n\nGitops-Agent-Approve: {PLAN[:12]}")

    assert granted(annotated(), revision, trailers=False) is None
    by = f"commit {revision.short} of Ada <ada@example.com>"
    assert granted(annotated(), revision, trailers=True) == Grant(plan=PLAN[:12], by=by, via="trailer")


def test_an_annotation_names_its_approver() -> None:
    assert granted(annotated(plan=PLAN, by=claim(PLAN, "ada@example.com")), commit(), trailers=False) == Grant(
        plan=PLAN, by="ada@example.com"
    )


def test_an_approver_whom_the_agent_identified_is_named_with_the_way() -> None:
    marks = {"plan": PLAN, "by": claim(PLAN, "ada"), "via": claim(PLAN, "slack/T1/U1")}

    assert granted(annotated(**marks), commit(), trailers=False) == Grant(plan=PLAN, by="ada (slack/T1/U1)")
    stale = marks | {"via": claim("f" * 64, "slack/T1/U1")}
    assert granted(annotated(**stale), commit(), trailers=False) == Grant(plan=PLAN, by="ada")


@pytest.mark.parametrize("by", ["", "ada", claim("f" * 64, "ada"), claim(PLAN, "")])
def test_a_name_that_was_written_for_another_plan_is_not_the_approver(by: str) -> None:
    grant = granted(annotated(plan=PLAN, by=by), commit(), trailers=False)

    assert grant == Grant(plan=PLAN)


def test_the_name_of_an_approver_is_one_short_line() -> None:
    grant = granted(annotated(plan=PLAN, by=claim(PLAN, "ada\x1b[2J\nbob" + "x" * 999)), commit(), trailers=False)

    assert grant is not None
    assert grant.by.isprintable()
    assert len(grant.by) == 253


def test_an_annotation_that_the_agent_applied_from_git_approves_nothing() -> None:
    declared = annotated(FIELD_MANAGER, plan=PLAN)

    assert granted(declared, commit(), trailers=False) is None
    assert granted(declared, commit(), trailers=True) == Grant(plan=PLAN)
    assert granted(annotated("kubectl", plan=PLAN), commit(), trailers=False) == Grant(plan=PLAN)
