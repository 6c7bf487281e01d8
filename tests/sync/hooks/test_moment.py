from __future__ import annotations

from gitops_agent.sync.hooks.moment import SYNC_MOMENTS, Moment, Operation, always, operation_of


def test_a_moment_of_every_operation_has_a_pair_for_each() -> None:
    assert always(Moment.SYNC) == {(operation, Moment.SYNC) for operation in Operation}


def test_deletions_have_moments_of_their_own() -> None:
    assert set(Moment) - SYNC_MOMENTS == {Moment.PRE_DELETE, Moment.POST_DELETE}


def test_what_another_tool_installed_is_never_installed_again() -> None:
    assert operation_of(synced=False, returns=False, taken_over=False) is Operation.INSTALL
    assert operation_of(synced=False, returns=False, taken_over=True) is Operation.UPGRADE
    assert operation_of(synced=True, returns=False, taken_over=True) is Operation.UPGRADE
    assert operation_of(synced=True, returns=True, taken_over=True) is Operation.ROLLBACK
