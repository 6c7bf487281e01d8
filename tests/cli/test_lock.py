from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.manifest.key import Object
from tests.cli.cluster_env import ClusterEnv, healthy
from tests.cli.conftest import Run

pytestmark = pytest.mark.cluster

DIGEST = "sha256:" + "6c3c" * 16
CHART: Object = {"repository": "https://charts.example.com", "name": "podinfo", "version": "~6.5"}
SEEN: Object = {**CHART, "version": "6.5.4", "range": "~6.5", "digest": DIGEST, "resolvedAt": "2026-11-29T18:00:00Z"}


def test_what_a_range_stands_for_is_printed_and_written(stage: ClusterEnv, run: Run, tmp_path: Path) -> None:
    stage.application("shop", healthy() | {"source": {"chart": SEEN}}, source={"chart": CHART})
    file = tmp_path / "shop.yaml"
    file.write_text("kind: Application\nmetadata: {name: shop}\nspec: {source: {chart: {version: ~6.5}}}\n")

    assert run("lock", "shop").stdout == f'version: 6.5.4\ndigest: "{DIGEST}"\n'
    assert run("lock", "shop", "--write", str(file)).stdout == f"{file}: shop follows 6.5.4, {DIGEST}\n"
    assert f'{{version: 6.5.4, digest: "{DIGEST}"}}' in file.read_text()


def test_an_application_without_a_chart_has_nothing_to_lock(stage: ClusterEnv, run: Run) -> None:
    stage.application("shop", healthy())

    result = run("lock", "shop")

    assert result.code == 2
    assert "has no chart of a repository" in result.stderr
