from __future__ import annotations

from gitops_agent.sync.planning.policy import Approval, names

HASH = "0123456789abcdef0123456789abcdef"


def test_an_approval_names_a_plan_by_its_hash_or_the_beginning_of_it() -> None:
    assert names(HASH, HASH)
    assert names(f" {HASH[:12].upper()} ", HASH)


def test_a_short_or_different_text_names_nothing() -> None:
    assert not names(HASH[:11], HASH)
    assert not names("f" * 12, HASH)
    assert not names("", HASH)
    assert not names(None, HASH)


def test_an_approval_survives_the_status() -> None:
    approval = Approval(hash=HASH, content="c", deletions=frozenset({("ConfigMap:shop/a", "1"), ("ConfigMap:shop/b", "2")}))
    assert Approval.from_json(approval.to_json()) == approval


def test_a_torn_approval_is_none() -> None:
    assert Approval.from_json({}) is None
    assert Approval.from_json({"hash": "x", "content": "y", "deletions": 3}) is None
    assert Approval.from_json({"hash": "x", "content": "y", "deletions": [["a"]]}) is None


def test_an_approval_without_a_name_writes_none() -> None:
    assert Approval(hash=HASH, content="c", deletions=frozenset()).to_json() == {"hash": HASH, "content": "c", "deletions": []}
