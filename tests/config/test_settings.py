from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from gitops_agent import config
from gitops_agent.config.settings import LeaderSettings, Settings, paths, sections, variable


def test_a_path_has_its_variable() -> None:
    assert variable("source.allowFile") == "GITOPS_AGENT_SOURCE__ALLOW_FILE"


def test_every_path_has_a_variable_of_its_own() -> None:
    assert len({variable(path) for path in paths()}) == len(paths())


def test_every_setting_says_what_it_is_for() -> None:
    silent = [
        f"{name}.{field}"
        for name, model in sections().items()
        for field, info in model.model_fields.items()
        if not info.description
    ]

    assert silent == []


def test_every_setting_is_read() -> None:
    """A setting that nothing reads is an empty promise."""
    package = Path(config.__file__).parents[1]
    read = {
        match
        for path in package.rglob("*.py")
        if path.parent.name != "config"
        for match in re.findall(r"\bsettings\.([a-z]+\.[a-z_]+)", path.read_text())
    }

    assert {f"{name}.{field}" for name, model in sections().items() for field in model.model_fields} - read == set()


def test_a_number_carries_its_unit_or_counts_things() -> None:
    counts = {"concurrency", "max_files", "workers", "apply_concurrency", "port", "outbox_limit"}
    counts |= {"deletion_budget", "deletion_budget_percent"}
    bare = [
        field
        for model in sections().values()
        for field, info in model.model_fields.items()
        if info.annotation in {int, float} and not field.endswith(("_seconds", "_mib")) and field not in counts
    ]

    assert bare == []


def test_a_lease_survives_one_lost_renewal() -> None:
    with pytest.raises(ValidationError, match="one lost request would lose the lease"):
        LeaderSettings(duration_seconds=10, renew_seconds=6)


def test_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert Settings().source.cache_dir == tmp_path / "gitops-agent" / "agent"
