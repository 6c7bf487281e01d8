from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.sync.rollback import KEPT, RollbackState, Version

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
GOOD, BAD, NEXT = (Version(commit=letter * 40, content=f"content-{letter}") for letter in "abc")


def healthy(version: Version = GOOD) -> RollbackState:
    return RollbackState().follow(version, degraded=False).settle(version)


def on_trial(version: Version = BAD) -> RollbackState:
    return healthy().follow(version, degraded=False)


def rejected() -> RollbackState:
    return on_trial().reject(BAD, "Deployment web: exit 1", NOW)


def test_a_degraded_commit_is_replaced_by_the_last_healthy_one() -> None:
    state = rejected()

    assert state.replacement == GOOD
    assert [(entry.commit, entry.reason) for entry in state.rejected] == [(BAD.commit, "Deployment web: exit 1")]


def test_the_first_commit_has_nothing_to_be_replaced_by() -> None:
    state = RollbackState().follow(BAD, degraded=False).reject(BAD, "it broke", NOW)

    assert state.replacement is None


def test_what_was_healthy_once_is_not_rejected() -> None:
    state = healthy().follow(BAD, degraded=False).settle(BAD)

    assert state.reject(BAD, "a node is gone", NOW) == state


def test_a_commit_that_arrives_while_objects_are_degraded_is_not_rejected() -> None:
    state = healthy().follow(BAD, degraded=True)

    assert state.reject(BAD, "it is broken still", NOW).replacement is None


def test_a_commit_that_changes_nothing_here_is_rejected_like_the_one_before() -> None:
    same = Version(commit="d" * 40, content=BAD.content)

    assert rejected().follow(same, degraded=True).replacement == GOOD


def test_a_commit_that_declares_something_else_is_tried() -> None:
    state = rejected().follow(NEXT, degraded=False)

    assert state.replacement is None
    assert state.on_trial
    assert state.settle(NEXT).healthy == NEXT


def test_a_reverted_commit_is_healthy_and_not_on_trial() -> None:
    reverted = Version(commit="e" * 40, content=GOOD.content)

    state = rejected().follow(reverted, degraded=True)

    assert (state.replacement, state.on_trial) == (None, False)
    assert state.settle(reverted).healthy == reverted


def test_a_retry_puts_the_commit_on_trial_once() -> None:
    state = rejected().retry("first")

    assert (state.replacement, state.on_trial) == (None, True)
    again = state.reject(BAD, "it broke again", NOW)
    assert again.retry("first").replacement == GOOD
    assert again.retry("second").replacement is None


def test_a_group_gives_up_what_was_healthy_here() -> None:
    state = healthy().follow(BAD, degraded=False).settle(BAD)

    together = state.reject_together(BAD, "it broke there", NOW, by="db")

    assert together.replacement == GOOD
    assert together.reject_together(BAD, "again", NOW, by="db") == together


def test_a_group_whose_commit_changes_nothing_here_changes_nothing() -> None:
    state = healthy()

    assert state.reject_together(GOOD, "it broke there", NOW, by="db") == state


def test_what_another_application_rejected_is_tried_again_with_it() -> None:
    state = on_trial().reject_together(BAD, "it broke there", NOW, by="web")

    assert state.follows == "web"
    again = state.release()
    assert (again.replacement, again.on_trial, again.follows) == (None, True, "")
    assert again.settle(BAD).healthy == BAD
    assert rejected().follows == ""
    assert (rejected().release().replacement, rejected().release().on_trial) == (None, True)
    assert on_trial().release() == on_trial()
    assert healthy().release() == healthy()


def test_only_so_many_rejections_are_kept() -> None:
    state = healthy()
    for number in range(KEPT + 5):
        version = Version(commit=f"{number:040x}", content=f"content-{number}")
        state = state.follow(version, degraded=False).reject(version, "it broke", NOW)

    assert len(state.rejected) == KEPT
    assert state.rejected[0].commit == f"{KEPT + 4:040x}"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["follow", "degraded", "settle", "reject", "together", "retry", "release"]),
        st.sampled_from([GOOD, BAD, NEXT]),
    ),
    max_size=30,
)


@given(STEPS)
def test_what_replaces_a_commit_was_healthy_and_declares_something_else(steps: list[tuple[str, Version]]) -> None:
    state, head, good = RollbackState(), GOOD, set()
    for number, (step, version) in enumerate(steps):
        if step in {"follow", "degraded"}:
            head = version
            state = state.follow(head, degraded=step == "degraded")
        state = state.follow(head, degraded=False)
        if step == "settle" and not state.held:
            state = state.settle(head)
            good.add(head)
        elif step == "reject":
            state = state.reject(head, "it broke", NOW)
        elif step == "together":
            state = state.reject_together(head, "it broke there", NOW, by="web")
        elif step == "retry":
            state = state.retry(str(number))
        elif step == "release" and state.follows:
            state = state.release()
        if state.replacement is not None:
            assert state.replacement in good
            assert state.replacement.content != head.content
        assert not (state.held and state.on_trial)
        assert RollbackState.from_json(state.to_json()) == state


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"healthy": "torn", "rejected": {"a": 1}, "head": 4, "held": "yes"},
        {"healthy": {"revision": "a"}, "rejected": [{"revision": "b", "at": "never"}, 7]},
    ],
)
def test_a_damaged_status_knows_nothing(value: dict[str, Any]) -> None:
    assert RollbackState.from_json(value) == RollbackState()
