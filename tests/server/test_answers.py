"""The written example of each answer, which the page is developed against."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.server.openapi import EVENTS
from gitops_agent.server.routes import ROUTES
from gitops_agent.server.views.base import View
from gitops_agent.server.views.problem import ProblemView

ANSWERS = Path(__file__).parent / "answers"
BY_NAME: dict[str, type[View]] = {route.name: route.answer for route in ROUTES if route.answer}


def model(example: Path) -> type[View]:
    """The view that an example is one of."""
    name = example.stem
    if name.startswith("event-"):
        return next(view for event, view in EVENTS.items() if f"event-{event}" == name)
    if name.startswith("problem-"):
        return ProblemView
    return BY_NAME["syncApplication" if name == "accepted" else name.partition("-")[0]]


@pytest.mark.parametrize("example", sorted(ANSWERS.glob("*.json")), ids=lambda path: path.stem)
def test_an_example_is_an_answer(example: Path) -> None:
    view = model(example)

    assert isinstance(view.model_validate_json(example.read_text()), view)


def test_every_answer_and_event_has_an_example() -> None:
    shown = {model(example) for example in ANSWERS.glob("*.json")}

    assert {*BY_NAME.values(), *EVENTS.values()} - shown == set()
