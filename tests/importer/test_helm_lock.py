from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.importer.helm_application import write_chart
from gitops_agent.importer.helm_release import read_release
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import read
from gitops_agent.render.chart_lock import read_lock
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.renderer import RenderLimits
from gitops_agent.render.worktree import WorkTree
from tests.importer.test_helm_release import payload, secret

REDIS = {"name": "redis", "version": "~18.1", "repository": "https://charts.example.com", "condition": "redis.enabled"}
LOCKED = {"name": "redis", "version": "18.1.3", "repository": "https://charts.example.com"}
OTHER = {"name": "postgresql", "version": "13.0.0", "repository": "https://charts.example.com"}


def depending(*requirements: Object, lock: list[Object] | None) -> Object:
    content = payload()
    content["chart"]["metadata"]["dependencies"] = list(requirements)
    content["chart"]["lock"] = {"generated": "2026-01-01T00:00:00Z", "digest": "sha256:0", "dependencies": lock}
    return secret(content)


def test_the_lock_of_a_release_is_written_for_what_was_rendered(tmp_path: Path) -> None:
    release = read_release(depending({**REDIS, "enabled": True}, lock=[OTHER, LOCKED]))
    write_chart(release, tmp_path / "web")
    inputs = Inputs(WorkTree(tmp_path), RenderLimits())
    about = read((tmp_path / "web/Chart.yaml").read_bytes(), file="Chart.yaml").documents[0].value

    assert release.whole
    assert about["dependencies"] == [REDIS]
    assert read_lock(inputs, "web", about, [REDIS]) == ("web/Chart.lock", [LOCKED])


@pytest.mark.parametrize(
    ("requirement", "lock"),
    [
        (REDIS, None),
        (REDIS, [OTHER]),
        (REDIS, [{**LOCKED, "version": "17.0.0"}]),
        (REDIS, [{**LOCKED, "repository": "file://../redis"}]),
        ({**REDIS, "repository": ""}, [{**LOCKED, "repository": ""}]),
    ],
    ids=["no lock", "of another chart", "of another range", "in a directory", "in charts alone"],
)
def test_a_chart_whose_lock_says_less_is_not_whole(requirement: Object, lock: list[Object] | None) -> None:
    release = read_release(depending(requirement, lock=lock))

    assert (release.whole, release.lock) == (False, None)


def test_dependencies_of_one_name_keep_their_own_versions() -> None:
    older = {**LOCKED, "version": "17.2.0"}
    cache = {**REDIS, "alias": "cache", "version": "^17"}
    lock = read_release(depending(REDIS, cache, lock=[older, LOCKED])).lock

    assert lock is not None
    assert [dependency["version"] for dependency in lock["dependencies"]] == ["18.1.3", "17.2.0"]
