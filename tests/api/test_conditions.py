from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.api.conditions import condition_of, find_condition, set_condition

EARLY = datetime(2026, 11, 22, 21, tzinfo=UTC)
LATE = EARLY + timedelta(hours=1)


def ready(status: bool | None, *, now: datetime = EARLY, before: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:  # noqa: FBT001 - as the function under test
    return set_condition(before or [], "Ready", status, "Synced", "applied", generation=2, now=now)


def test_a_condition_has_every_field_of_its_kind() -> None:
    assert ready(True) == [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Synced",
            "message": "applied",
            "observedGeneration": 2,
            "lastTransitionTime": "2026-11-22T21:00:00Z",
        },
    ]


@pytest.mark.parametrize(("status", "text"), [(True, "True"), (False, "False"), (None, "Unknown")])
def test_there_are_three_states(status: bool | None, text: str) -> None:  # noqa: FBT001 - as the function under test
    assert ready(status)[0]["status"] == text


def test_the_time_stands_still_while_the_status_does() -> None:
    after = set_condition(ready(True), "Ready", True, "Other", "another text", generation=3, now=LATE)

    assert (after[0]["lastTransitionTime"], after[0]["reason"], after[0]["observedGeneration"]) == (
        "2026-11-22T21:00:00Z",
        "Other",
        3,
    )


def test_the_time_moves_with_the_status() -> None:
    assert ready(False, now=LATE, before=ready(True))[0]["lastTransitionTime"] == "2026-11-22T22:00:00Z"


@pytest.mark.parametrize("kind", ["Reconciling", "Stalled"])
@pytest.mark.parametrize("status", [False, None])
def test_what_kstatus_reads_by_presence_is_absent_unless_true(kind: str, status: bool | None) -> None:  # noqa: FBT001 - as above
    before = set_condition([], kind, True, "InvalidSpec", "bad", generation=1, now=EARLY)

    assert set_condition(before, kind, status, "Synced", "", generation=1, now=LATE) == []


def test_an_old_list_is_not_changed() -> None:
    before = ready(True)
    ready(False, before=before)

    assert before == ready(True)


def test_a_time_is_written_in_utc() -> None:
    assert ready(True, now=EARLY.astimezone(timezone(timedelta(hours=5))))[0]["lastTransitionTime"] == "2026-11-22T21:00:00Z"


def test_a_message_fits_what_the_api_server_takes() -> None:
    condition = set_condition([], "Ready", False, "Error", "x" * 40_000, generation=1, now=EARLY)[0]

    assert len(condition["message"]) == 32_768


def test_a_condition_is_found_by_its_type() -> None:
    conditions = set_condition(ready(True), "Synced", False, "Drifted", "", generation=1, now=EARLY)

    assert [(find_condition(conditions, kind) or {}).get("status") for kind in ("Ready", "Synced")] == ["True", "False"]
    assert find_condition(conditions, "Healthy") is None


def test_a_condition_that_is_absent_is_empty() -> None:
    conditions = set_condition([], "Ready", True, "Synced", "", generation=1, now=EARLY)

    assert condition_of({"status": {"conditions": conditions}}, "Ready")["status"] == "True"
    assert condition_of({"status": {"conditions": conditions}}, "Stalled") == {}
    assert condition_of({}, "Ready") == {}


@pytest.mark.parametrize("raw", [None, {}, "x", [None, "x", {}]])
def test_conditions_that_are_none_hold_no_condition(raw: Any) -> None:
    assert find_condition(raw, "Ready") is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Ready", "Synced", "Healthy", "Held", "Reconciling", "Stalled"]),
            st.sampled_from([True, False, None]),
        ),
        max_size=20,
    )
)
def test_a_type_never_stands_twice_and_order_is_kept(steps: list[tuple[str, bool | None]]) -> None:
    conditions: list[dict[str, Any]] = []
    for kind, status in steps:
        before = [condition["type"] for condition in conditions if condition["type"] != kind]
        conditions = set_condition(conditions, kind, status, "Synced", "", generation=1, now=EARLY)
        assert [condition["type"] for condition in conditions if condition["type"] != kind] == before

    types = [condition["type"] for condition in conditions]
    assert len(types) == len(set(types))


def test_setting_the_same_twice_changes_nothing() -> None:
    assert ready(True, now=LATE, before=ready(True)) == ready(True)
