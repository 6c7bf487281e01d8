from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops_agent.sync.ordering import apply_order, prune_order, references
from gitops_agent.sync.ordering.rules import KIND_ORDER, RANKS, RULES


def test_every_rule_explains_itself() -> None:
    assert all(rule.name == name and rule.first and rule.then and " before " in rule.why for name, rule in RULES.items())


def test_no_kind_has_two_ranks() -> None:
    assert len(RANKS) == len(KIND_ORDER)


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_of_the_table_is_applied_somewhere(name: str) -> None:
    sources = [Path(str(module.__file__)).read_text("utf-8") for module in (apply_order, references, prune_order)]
    assert any(re.search(rf'"{name}"', source) for source in sources)
