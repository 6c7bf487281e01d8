from __future__ import annotations

import pytest

from gitops_agent.cli.watch_cache import WatchCache
from gitops_agent.errors import Forbidden
from tests.cli.policies import policy


def test_what_the_watches_report_is_kept_by_kind() -> None:
    cache = WatchCache()
    cache.replace("RolloutPolicy", [policy(None, name="web"), policy(None, name="api")])
    cache.replace("Pod", [])
    cache.take("DELETED", policy(None, name="web"))
    cache.take("ADDED", policy(None, name="new"))

    assert cache.changed.is_set()
    assert [obj["metadata"]["name"] for obj in cache.of("RolloutPolicy")] == ["api", "new"]


def test_what_cannot_be_watched_ends_the_changes() -> None:
    cache = WatchCache()
    cache.fail(Forbidden("you may not watch applications"))

    with pytest.raises(Forbidden):
        next(cache.changes())
