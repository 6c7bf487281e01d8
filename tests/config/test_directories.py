from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.config.directories import tool_cache, user_cache


def test_the_cache_follows_xdg_when_that_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert user_cache() == tmp_path / "gitops-agent"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert user_cache() == Path.home() / ".cache" / "gitops-agent"
    assert tool_cache() == user_cache() / "tools"
