"""Whether an Application is paused now, by its spec and the clock."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime

from gitops_agent.manifest.key import Object


def pause_of(application: Object) -> str:
    """The pause in force, in words; empty when there is none."""
    suspend = (application.get("spec") or {}).get("suspend")
    if not isinstance(suspend, dict):
        return ""
    end = str(suspend.get("until") or "")
    with contextlib.suppress(ValueError):
        if end and datetime.fromisoformat(end) <= datetime.now(UTC):
            return ""
    reason = f" ({suspend['reason']})" if suspend.get("reason") else ""
    return f"paused until {end or 'it is resumed'}{reason}"
