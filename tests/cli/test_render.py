from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitops_agent.manifest.yaml import dump_all, load_all
from tests.cli.cluster_env import ClusterEnv, configmap
from tests.cli.conftest import Run

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples" / "repo"


def test_plain_yaml_is_printed_as_yaml_and_needs_no_cluster(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(dump_all([configmap("a"), configmap("b", tone="warm")]))

    result = run("render", str(tmp_path), "--kubeconfig", "/nowhere")

    assert (result.code, result.stderr) == (0, "")
    assert [obj["metadata"]["name"] for obj in load_all(result.stdout.encode(), file="stdout")] == ["a", "b"]


def test_json_is_a_list_and_names_are_names(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(dump_all([configmap("a")]))

    assert json.loads(run("render", str(tmp_path), "-o", "json").stdout)[0]["kind"] == "ConfigMap"
    assert run("render", str(tmp_path), "-o", "name").stdout == "ConfigMap:a\n"


def test_an_overlay_reaches_its_base_without_a_commit(run: Run) -> None:
    result = run("render", str(EXAMPLES / "apps/shop/overlays/production"), "-o", "name")

    assert result.code == 0
    assert "apps/Deployment:shop/web" in result.lines


def test_a_chart_takes_values_and_a_release_name(run: Run) -> None:
    result = run("render", str(EXAMPLES / "apps/notes"), "-f", "values-production.yaml", "--name", "diary", "-o", "name")

    assert result.code == 0
    assert any("diary" in line for line in result.lines)


def test_files_that_do_not_render_are_one_line_and_exit_code_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("kind: ConfigMap\n  metadata: {\n")

    result = run("render", str(tmp_path))

    assert (result.code, result.stdout) == (1, "")
    assert "bad.yaml" in result.stderr
    assert result.stderr.endswith("(InvalidManifest)\n")


def test_a_path_that_is_not_there_is_exit_code_two(run: Run, tmp_path: Path) -> None:
    assert run("render", str(tmp_path / "nothing")).code == 2


@pytest.mark.cluster
def test_an_application_lends_its_options(stage: ClusterEnv, run: Run) -> None:
    stage.application("notes", render={"helm": {"releaseName": "memo", "valuesFiles": ["values-production.yaml"]}})

    result = run("render", str(EXAMPLES / "apps/notes"), "--application", "notes", "-o", "name")

    assert any("memo" in line for line in result.lines)
    both = run("render", str(EXAMPLES / "apps/notes"), "--application", "notes", "-f", "values.yaml")
    assert (both.code, both.stderr.count("\n")) == (2, 1)
