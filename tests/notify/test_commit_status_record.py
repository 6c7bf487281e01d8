from __future__ import annotations

import json

import pytest

from gitops_agent.notify.commit_status import CommitState
from gitops_agent.notify.commit_status_parts import Part, Standing
from gitops_agent.notify.commit_status_record import KEPT_APPLICATIONS, WHOLE, CommitRecord, digest
from tests.notify.builders import NOON

C1, C2 = "1" * 40, "2" * 40


def record(**parts: Part) -> CommitRecord:
    return CommitRecord(
        repository="https://github.com/acme/config", commit=C1, since=NOON, refs={"branch main": C2}, parts=parts
    )


def again(kept: CommitRecord) -> CommitRecord:
    """What the next leader reads."""
    return CommitRecord.from_json(json.loads(json.dumps(kept.to_json())))


def test_what_is_kept_is_read_again() -> None:
    parts = {
        "pay": Part(standing=Standing.FAILED, word="held for approval"),
        "shop": Part(standing=Standing.LIVE, was_live=True),
        "web": Part(standing=Standing.SUPERSEDED, by=C2),
    }
    kept = record(**parts)
    kept.statuses[WHOLE] = digest(CommitState.PENDING, "1 of 3 live")
    kept.sent, kept.deployment, kept.lost = NOON, "42", True
    read = again(kept)

    assert (read.key, read.refs, read.parts, read.statuses) == (kept.key, kept.refs, kept.parts, kept.statuses)
    assert (read.since, read.sent, read.deployment, read.compared) == (NOON, NOON, "42", True)
    assert read.unseen == {"pay", "shop"}
    assert read.holds
    assert read.lost


def test_many_applications_are_not_kept_by_name() -> None:
    kept = record(**{f"app-{number}": Part() for number in range(KEPT_APPLICATIONS + 1)})
    read = again(kept)

    assert (read.parts, read.compared, read.closed) == ({}, False, False)


def test_a_final_status_without_names_is_closed() -> None:
    kept = record(**{f"app-{number}": Part(standing=Standing.LIVE) for number in range(KEPT_APPLICATIONS + 1)})
    kept.statuses[WHOLE] = digest(CommitState.SUCCESS, "301 of 301 live")

    assert again(kept).closed


@pytest.mark.parametrize(
    "kept", [{}, {"commit": "x"}, {"repository": "r", "commit": C1}, {"repository": "r", "commit": C1, "since": 3}]
)
def test_what_is_no_record_is_refused(kept: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"commit|isoformat"):
        CommitRecord.from_json(kept)
