"""Whether an object meets the condition a dependent object waits for.

Read from the live state alone.
"""

from __future__ import annotations

from gitops_agent.manifest.key import ObjectKey
from gitops_agent.sync.health import Status
from gitops_agent.sync.live.live_state import LiveState
from gitops_agent.sync.ordering.order import Until

_GOOD = frozenset({Status.HEALTHY, Status.SUSPENDED})


def is_reached(live: LiveState, key: ObjectKey, until: Until) -> bool:
    """Whether the object is present, established, active, healthy or gone.

    The live state holds the last watch event or the answer to our own write.

    A kind that cannot be seen is never gone.
    """
    cached = live.get(key)
    if until is Until.GONE:
        return cached is None and key.group_kind not in live.cannot_see
    if cached is None or cached.deleting:
        return False
    return until is Until.APPLIED or cached.health.status in _GOOD
