from __future__ import annotations

import pytest

from gitops_agent.revision.chart_dependency import ChartDependency, dependency_of, readable

REDIS = ChartDependency("https://charts.example.com/a@b", "redis", ">=1.2.0 <2 || ~3", "f" * 40)


def test_a_path_holds_the_whole_identity() -> None:
    assert dependency_of(f"{REDIS.path}/templates/a.yaml") == (REDIS, "templates/a.yaml")
    assert dependency_of(REDIS.path) == (REDIS, "")
    assert readable(f"{REDIS.path}/a") == f"a of redis >=1.2.0 <2 || ~3 from {REDIS.repository}"
    assert readable("apps/a") == "apps/a"


@pytest.mark.parametrize(
    "path",
    [
        "apps/shop",
        ".chart-dependencies",
        ".chart-dependencies/redis",
        ".chart-dependencies/redis@1.0.0@@https://x",
        ".chart-dependencies/Redis@1.0.0@@https%3A%2F%2Fx",
        ".chart-dependencies/redis@1%2E0.0@@https%3A%2F%2Fx",
    ],
)
def test_other_paths_are_none(path: str) -> None:
    assert dependency_of(path) is None


def test_a_name_that_no_chart_has_cannot_be_shown() -> None:
    assert not ChartDependency("https://x", "../evil", "1.0.0").showable
    assert not ChartDependency(f"https://{'x' * 250}", "redis", "1.0.0").showable
