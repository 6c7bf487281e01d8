from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.sync.planning.deletion_set import LONGEST, DeletionSet
from gitops_agent.sync.planning.policy import Approval

STATUS_BYTES = 64 * 1024


def pairs(count: int, *, prefix: str = "old") -> frozenset[tuple[str, str]]:
    return frozenset((f"apps/Deployment:shop/{prefix}-{number}", f"uid-{number:032}") for number in range(count))


def approval(count: int) -> Approval:
    return Approval(hash="h" * 32, content="c", deletions=pairs(count))


def after_restart(before: Approval) -> Approval:
    after = Approval.from_json(orjson.loads(orjson.dumps(before.to_json())))
    assert after is not None
    return after


@pytest.mark.parametrize("count", [1_000, 20_000, 25_000])
def test_an_approval_of_many_deletions_fits_into_a_status_and_survives_it(count: int) -> None:
    before = approval(count)
    text = orjson.dumps(before.to_json())
    after = after_restart(before)

    assert len(text) < STATUS_BYTES
    assert after.allows(before.deletions)
    assert after.allows(list(before.deletions)[: count // 2])
    assert not after.allows([*list(before.deletions)[:5], *pairs(3, prefix="another")])
    assert orjson.dumps(after.to_json()) == text
    assert after.includes(before)
    assert not after.includes(approval(count + 1))


def test_few_deletions_stay_a_list() -> None:
    before = approval(100)
    assert len(before.to_json()["deletions"]) == 100
    assert after_restart(before) == before


def test_foreign_objects_are_hardly_ever_taken_for_approved_ones() -> None:
    after = after_restart(approval(20_000))
    taken = [pair for pair in sorted(pairs(5_000, prefix="another")) if after.allows([pair])]
    assert len(taken) <= 2


def test_what_no_status_has_room_for_is_not_approved_after_a_restart() -> None:
    before = approval(200_000)
    after = after_restart(before)

    assert len(orjson.dumps(before.to_json())) < STATUS_BYTES
    assert after.allows([])
    assert not after.allows(list(before.deletions)[:1])


def test_fingerprints_that_were_covered_are_bounded_too() -> None:
    few, many = (
        Approval(hash="h", content="c", deletions=frozenset(), covers=frozenset(map(str, range(n)))) for n in (9, 9_999)
    )
    assert after_restart(few).covers == few.covers
    assert after_restart(many).covers == frozenset()


@pytest.mark.parametrize("digests", ["?", "AAA", "A" * (4 * LONGEST)])
def test_damaged_digests_are_no_approval(digests: str) -> None:
    broken = {"count": 3, "bits": 12, "digests": digests}
    assert Approval.from_json({"hash": "h", "content": "c", "deletions": [], "deletionDigests": broken}) is None


@given(st.sets(st.tuples(st.text(max_size=5), st.text(max_size=5)), min_size=1, max_size=40))
def test_a_set_is_read_as_it_was_written(members: set[tuple[str, str]]) -> None:
    made = DeletionSet.of(members)
    assert DeletionSet.parse(made.text, count=made.count, bits=made.bits) == made
    assert made.includes(members)
