from __future__ import annotations

from gitops_agent.sync.hooks.moment import SYNC_MOMENTS, Moment, Operation, always


def test_a_moment_of_every_operation_has_a_pair_for_each() -> None:
    assert always(Moment.SYNC) == {(operation, Moment.SYNC) for operation in Operation}


def test_deletions_have_moments_of_their_own() -> None:
    assert set(Moment) - SYNC_MOMENTS == {Moment.PRE_DELETE, Moment.POST_DELETE}
