from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.cli.settings_options import effective
from gitops_agent.errors import UsageError


def test_flags_win_over_the_environment_and_that_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("sync: {workers: 1, applyConcurrency: 1}\nlog: {level: error}\n")
    monkeypatch.setenv("GITOPS_AGENT_SYNC__WORKERS", "2")
    monkeypatch.setenv("GITOPS_AGENT_SYNC__APPLY_CONCURRENCY", "2")

    settings = effective(file, ("sync.workers=3",)).settings

    assert (settings.sync.workers, settings.sync.apply_concurrency, settings.log.level) == (3, 2, "error")


def test_a_value_may_hold_an_equals_sign() -> None:
    assert effective(None, ("leader.leaseName=a=b",)).settings.leader.lease_name == "a=b"


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        effective(tmp_path / "nothing.yaml", ())
