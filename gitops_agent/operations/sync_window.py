"""Judges the windows of an Application at the command's own clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gitops_agent.manifest.key import Object

if TYPE_CHECKING:
    from gitops_agent.sync.windows import Closed


def has_windows(application: Object) -> bool:
    """Whether an Application declares windows that could hold changes back."""
    from gitops_agent.api.sync_options import SyncMode

    sync = (application.get("spec") or {}).get("sync") or {}
    return bool(sync.get("windows")) and sync.get("mode") != SyncMode.OBSERVE


def closed_window(application: Object) -> Closed | None:
    """Why an Application's windows allow no changes; None when they do.

    Raises:
        SpecInvalid: its spec cannot be read.
    """
    if not has_windows(application):
        return None
    from gitops_agent.agent.reconcile.sync_windows import closed_now
    from gitops_agent.api.parse import parse

    return closed_now(parse(application).spec.sync.windows, datetime.now(UTC))
