from __future__ import annotations

import inspect

import pytest

from gitops_agent import errors
from gitops_agent.errors import AgentError, ClusterError, NotFound, ProcessError, Throttled, Unavailable, did_you_mean

EVERY = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, AgentError)]
TRANSIENT = {"Conflict", "Expired", "Throttled", "Unavailable", "UnknownKind", "CannotSee"}


def test_the_tree_in_the_text_names_every_error() -> None:
    assert errors.__doc__ is not None
    assert all(f" {kind.__name__} " in f"{errors.__doc__} " for kind in EVERY)


@pytest.mark.parametrize("kind", EVERY)
def test_whether_trying_again_helps_is_a_matter_of_type(kind: type[AgentError]) -> None:
    assert kind.transient == (kind.__name__ in TRANSIENT)


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_has_a_reason_of_one_word(kind: type[AgentError]) -> None:
    assert kind.reason[0].isupper()
    assert kind.reason.isalnum()


def test_an_error_reads_as_its_message_and_keeps_its_facts() -> None:
    error = AgentError("no such path", reason="PathNotFound", transient=True, path="apps/web")

    assert (str(error), error.reason, error.transient, error.facts) == (
        "no such path",
        "PathNotFound",
        True,
        {"path": "apps/web"},
    )


def test_one_error_s_reason_is_not_that_of_its_class() -> None:
    AgentError("one", reason="Special", transient=True)

    assert (AgentError("two").reason, AgentError("two").transient) == ("Error", False)


def test_a_cluster_error_carries_what_the_server_said() -> None:
    error = Throttled("slow down", status=429, code="TooManyRequests", details={"kind": "pods"}, retry_after=7.0)

    assert isinstance(error, ClusterError)
    assert (error.status, error.code, error.details, error.retry_after) == (429, "TooManyRequests", {"kind": "pods"}, 7.0)
    assert error.facts == {"status": 429, "code": "TooManyRequests"}


def test_a_single_answer_may_be_less_transient_than_its_type() -> None:
    assert Unavailable("gone for good", transient=False).transient is False
    assert NotFound("not there").details == {}


def test_a_failed_program_reports_its_command_and_both_outputs() -> None:
    error = ProcessError("helm failed", command=("helm", "template"), returncode=1, stdout="a\nb", stderr="")

    assert error.report() == "command: helm template\nreturn code: 1\nstdout:\n    a\n    b\nstderr:\n    (none)"


def test_a_question_names_every_path() -> None:
    assert did_you_mean(()) == ""
    assert did_you_mean(("a", "b")) == "; did you mean a or b?"
