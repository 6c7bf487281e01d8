from __future__ import annotations

import pytest

from gitops_agent.notify.commit_status import CommitState
from gitops_agent.notify.commit_status_parts import UNAFFECTED, Part, Standing, summary

C2 = "2" * 40


def parts(standing: Standing, *names: str, word: str = "", by: str = "") -> dict[str, Part]:
    return {name: Part(standing=standing, word=word, by=by) for name in names}


LIVE = parts(Standing.LIVE, "a", "b")


@pytest.mark.parametrize(
    ("touched", "waiting", "state", "description"),
    [
        ({}, 0, CommitState.SUCCESS, UNAFFECTED),
        ({}, 3, CommitState.PENDING, "0 of 0 live; 3 to compare"),
        (LIVE, 0, CommitState.SUCCESS, "2 of 2 live"),
        (LIVE | parts(Standing.PENDING, "c"), 0, CommitState.PENDING, "2 of 3 live"),
        (LIVE | parts(Standing.PENDING, "c", word="paused"), 0, CommitState.PENDING, "2 of 3 live; 1 paused: c"),
        (LIVE | parts(Standing.FAILED, "d", "c", word="degraded"), 0, CommitState.FAILURE, "2 degraded: c, d"),
        (
            parts(Standing.FAILED, "c", word="rolled back") | parts(Standing.FAILED, "d") | parts(Standing.PENDING, "e"),
            0,
            CommitState.FAILURE,
            "1 failed: d; 1 rolled back: c; 0 of 3 live",
        ),
        (LIVE | parts(Standing.PENDING, "c", by=C2), 0, CommitState.PENDING, "2 of 3 live; 1 waiting for 222222222222: c"),
        (LIVE | parts(Standing.LIVE, "c", by=C2), 0, CommitState.SUCCESS, "3 of 3 live with 222222222222"),
        (parts(Standing.SUPERSEDED, "c", by=C2), 0, CommitState.SUPERSEDED, "superseded by 222222222222"),
    ],
)
def test_a_commit_has_one_state_and_one_line(
    touched: dict[str, Part], waiting: int, state: CommitState, description: str
) -> None:
    assert summary(touched, waiting=waiting) == (state, description)


def test_a_long_list_of_names_is_cut() -> None:
    many = parts(Standing.FAILED, *(f"application-{number:02}" for number in range(20)), word="degraded")
    _, description = summary(many, waiting=0)

    assert description == "20 degraded: application-00, application-01, application-02 and 17 more"


@pytest.mark.parametrize(
    ("part", "state", "description"),
    [
        (Part(), CommitState.PENDING, "on its way"),
        (Part(standing=Standing.LIVE, text="x"), CommitState.SUCCESS, "live"),
        (Part(standing=Standing.FAILED, word="degraded", text="web: crash"), CommitState.FAILURE, "degraded: web: crash"),
        (Part(by=C2), CommitState.PENDING, "waiting for 222222222222"),
        (Part(standing=Standing.LIVE, by=C2), CommitState.SUCCESS, "live with 222222222222"),
        (Part(standing=Standing.SUPERSEDED, by=C2), CommitState.SUPERSEDED, "superseded by 222222222222"),
    ],
)
def test_a_part_has_a_state_and_a_line_too(part: Part, state: CommitState, description: str) -> None:
    assert (part.state, part.description) == (state, description)
