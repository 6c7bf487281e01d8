from __future__ import annotations

from gitops_agent.agent.desired.missing_inputs import MissingInputs
from gitops_agent.errors import SourceError
from tests.agent.samples import key

SHOP = key("shop")


def test_each_commit_has_its_own() -> None:
    missing: MissingInputs[str] = MissingInputs(2)
    refusal = SourceError("no", reason="ChartDependency")

    assert missing.add(SHOP, "one", "a", None)
    assert missing.add(SHOP, "one", "b", refusal)
    assert not missing.add(SHOP, "one", "c", None)
    assert missing.add(SHOP, "one", "a", None)
    assert missing.of(SHOP, "one") == {"a": None, "b": refusal}
    assert missing.of(SHOP, "two") == missing.of(key("desk"), "one") == {}
    missing.clear(SHOP, "one")
    assert missing.of(SHOP, "one") == {}


def test_the_oldest_commits_are_forgotten() -> None:
    missing: MissingInputs[str] = MissingInputs(2)
    for number in range(9):
        missing.add(SHOP, str(number), "a", None)

    assert (missing.of(SHOP, "0"), missing.of(SHOP, "8")) == ({}, {"a": None})
    missing.forget(SHOP)
    assert missing.of(SHOP, "8") == {}
