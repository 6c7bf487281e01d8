from __future__ import annotations

import re

import pytest

from gitops_agent.operations.tool_versions import tool_versions


def test_git_has_a_version_and_what_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.match(r"\d+\.\d+", tool_versions()["git"])

    monkeypatch.setenv("PATH", "/nonexistent")

    assert "not found" in tool_versions()["git"]
