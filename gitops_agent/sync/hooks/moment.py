"""The moments of hooks, and the operations that have them.

Helm distinguishes an installation, an upgrade and a rollback; Argo CD and our own annotation do not. So a hook has pairs of an
operation and a moment, and those that do not care have the pair of each operation.
"""

from __future__ import annotations

from enum import StrEnum


class Moment(StrEnum):
    """When a hook runs."""

    PRE_SYNC = "pre-sync"
    """Before anything of new content is applied."""
    SYNC = "sync"
    """While it is applied, in its wave."""
    POST_SYNC = "post-sync"
    """Once all of it is applied and healthy."""
    SYNC_FAIL = "sync-fail"
    """Once the sync has failed."""
    PRE_DELETE = "pre-delete"
    """Before the objects of a deleted Application are deleted."""
    POST_DELETE = "post-delete"
    """Once they are gone."""


class Operation(StrEnum):
    """What a sync does with the application."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    ROLLBACK = "rollback"


def operation_of(*, synced: bool, returns: bool, taken_over: bool) -> Operation:
    """What a sync does that begins now.

    Args:
        synced: whether the Application has been synced.
        returns: whether it is pinned to an earlier commit.
        taken_over: whether another tool installed its objects, so that they are never installed again.
    """
    if not synced:
        return Operation.UPGRADE if taken_over else Operation.INSTALL
    return Operation.ROLLBACK if returns else Operation.UPGRADE


Time = tuple[Operation, Moment]
"""An operation and a moment of it."""

SYNC_MOMENTS = frozenset({Moment.PRE_SYNC, Moment.SYNC, Moment.POST_SYNC, Moment.SYNC_FAIL})
"""The moments of a sync; the others are of the deletion of an Application."""


def always(moment: Moment) -> frozenset[Time]:
    """The moment in each operation."""
    return frozenset((operation, moment) for operation in Operation)
