from __future__ import annotations

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.operations.notifier_test import answer, refuse_invalid


def notifier(**status: object) -> Object:
    return {"metadata": {"name": "chat", "namespace": "ops", "generation": 2}, "status": status}


def test_an_answer_to_another_request_is_none() -> None:
    assert answer(notifier(), "now") is None
    assert answer(notifier(test={"answered": "before", "delivered": True}), "now") is None


def test_a_refusal_is_an_error_with_its_reason() -> None:
    verdict = answer(notifier(test={"answered": "now", "reason": "SecretNotFound", "message": "there is no Secret s"}), "now")

    assert verdict is not None
    with pytest.raises(AgentError, match="there is no Secret s") as caught:
        verdict.check()
    assert caught.value.reason == "SecretNotFound"


@pytest.mark.parametrize(("generation", "refused"), [(2, True), (1, False)])
def test_a_spec_that_was_corrected_since_is_tried(generation: int, *, refused: bool) -> None:
    stalled = {"type": "Stalled", "status": "True", "reason": "InvalidSpec", "message": "x", "observedGeneration": generation}
    try:
        refuse_invalid(notifier(conditions=[stalled]))
    except AgentError:
        assert refused
    else:
        assert not refused
