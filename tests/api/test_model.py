from __future__ import annotations

from typing import ClassVar

import pytest
from pydantic import ValidationError

from gitops_agent.api.model import Model, Rule


class Pair(Model):
    left: int = 0
    right: int = 0

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(cel="self.left <= self.right", holds=lambda pair: pair.left <= pair.right, message="left is right of right"),
    )


def test_a_rule_that_holds_is_silent() -> None:
    assert Pair(left=1, right=2).right == 2


def test_a_rule_that_does_not_hold_speaks() -> None:
    with pytest.raises(ValidationError, match="left is right of right"):
        Pair(left=2, right=1)


def test_a_rule_reaches_the_schema_as_cel() -> None:
    assert Pair.model_json_schema()["x-kubernetes-validations"] == [
        {"rule": "self.left <= self.right", "message": "left is right of right"},
    ]
