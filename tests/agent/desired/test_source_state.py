from __future__ import annotations

from datetime import UTC, datetime

from gitops_agent.agent.desired.source_state import SourceState
from gitops_agent.errors import SourceError
from gitops_agent.source.ref import Ref

MAIN, GONE = Ref(kind="branch", value="main"), Ref(kind="branch", value="gone")
SINCE = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)
MISSING, AWAY = SourceError("there is no branch 'gone'"), SourceError("no route")


def test_a_missing_reference_is_the_error_of_its_followers_only() -> None:
    state = SourceState(polled=True, refs={GONE: MISSING}, refs_since={GONE: SINCE})

    assert state.of(MAIN) == state
    assert (state.of(GONE).error, state.of(GONE).since) == (MISSING, SINCE)


def test_a_repository_that_cannot_be_read_is_the_error_of_all() -> None:
    state = SourceState(polled=True, error=AWAY, refs={GONE: MISSING})

    assert state.of(GONE).error is AWAY


def test_a_reference_that_no_poll_asked_for_is_still_awaited() -> None:
    state = SourceState(polled=True, asked=frozenset({MAIN}))

    assert state.of(MAIN).polled
    assert not state.of(GONE).polled
    assert SourceState(polled=True, error=AWAY, asked=frozenset({MAIN})).of(GONE).polled
