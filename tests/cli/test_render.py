from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from gitops_agent.config.directories import tool_cache
from gitops_agent.manifest.yaml import dump_all, load_all
from tests.agent.desired.test_chart_dependencies import redis, shop
from tests.cli.cluster_env import ClusterEnv, configmap
from tests.cli.conftest import Run
from tests.render.decryption.sops import Sops
from tests.render.samples import put
from tests.source.author import Author
from tests.source.chart.server import serving

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


def test_encrypted_files_are_decrypted_with_a_key_of_this_machine(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sops = Sops(folder=tmp_path)
    folder = tmp_path / "app"
    folder.mkdir()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "hunter22"}}
    (folder / "db.yaml").write_bytes(sops.encrypt("db.yaml", dump_all([secret])))
    key = tmp_path / "key.txt"
    key.write_bytes(sops.agekey)

    assert run("render", str(folder)).stderr.endswith("(StillEncrypted)\n")
    result = run("render", str(folder), "--decryption-key", str(key))
    assert load_all(result.stdout.encode(), file="stdout") == [secret]

    other = tmp_path / "other.agekey"
    other.write_bytes(Sops(folder=tmp_path).agekey)
    refused = run("render", str(folder), "--decryption-key", str(other))
    assert refused.code == 1
    assert "is in the keys of this machine" in refused.stderr
    assert run("render", str(folder), "--decryption-key", str(tmp_path)).code == 2


@pytest.mark.cluster
def test_an_application_that_decrypts_takes_its_keys_from_the_cluster_or_from_here(
    run: Run, stage: ClusterEnv, tmp_path: Path
) -> None:
    sops = Sops(folder=tmp_path)
    folder = tmp_path / "app"
    folder.mkdir()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "hunter22"}}
    (folder / "db.yaml").write_bytes(sops.encrypt("db.yaml", dump_all([secret])))
    stage.application("locked", render={"decryption": {"secretRef": {"name": "sops-keys"}}})
    arguments = ("render", str(folder), "--application", "locked")

    refused = run(*arguments)
    assert refused.code == 1
    assert "spec.render.decryption.secretRef: " in refused.stderr
    assert "--decryption-key" in refused.stderr

    data = {"identity.agekey": base64.b64encode(sops.agekey).decode()}
    keys = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sops-keys"}, "data": data}
    stage.plane.request("POST", f"/api/v1/namespaces/{stage.namespace}/secrets", keys)
    assert "hunter22" in run(*arguments).stdout


def test_a_path_that_is_not_there_is_exit_code_two(run: Run, tmp_path: Path) -> None:
    assert run("render", str(tmp_path / "nothing")).code == 2


@pytest.mark.cluster
def test_an_application_lends_its_options(stage: ClusterEnv, run: Run) -> None:
    stage.application("notes", render={"helm": {"releaseName": "memo", "valuesFiles": ["values-production.yaml"]}})

    result = run("render", str(EXAMPLES / "apps/notes"), "--application", "notes", "-o", "name")

    assert any("memo" in line for line in result.lines)
    both = run("render", str(EXAMPLES / "apps/notes"), "--application", "notes", "-f", "values.yaml")
    assert (both.code, both.stderr.count("\n")) == (2, 1)


WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {city: "${CITY:-Bonn}"}}
spec: {replicas: "${REPLICAS}"}
"""


def test_variables_are_given_on_the_command_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WEB)

    result = run("render", str(tmp_path), "--variable", "REPLICAS=3", "--variable", "CITY=K=ln")

    (obj,) = load_all(result.stdout.encode(), file="stdout")
    assert (result.code, result.stderr) == (0, "")
    assert (obj["spec"]["replicas"], obj["metadata"]["annotations"]["city"]) == (3, "K=ln")


def test_a_variable_without_a_value_is_an_error_with_its_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WEB)

    result = run("render", str(tmp_path), "--variable", "REPLICA=3")

    assert (result.code, result.stdout) == (1, "")
    assert "a.yaml Deployment web /spec/replicas: ${REPLICAS} has no value; did you mean ${REPLICA}?" in result.stderr
    assert result.stderr.endswith("(UndefinedVariable)\n")


def test_without_variables_they_stay_and_are_mentioned(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WEB)

    result = run("render", str(tmp_path))

    assert "${REPLICAS}" in result.stdout
    assert "warning: a.yaml: Deployment web holds a variable that is not replaced" in result.stderr


@pytest.mark.parametrize("given", ["REPLICAS", "=3", "a-b=3"])
def test_a_variable_has_a_name_and_a_value(run: Run, tmp_path: Path, given: str) -> None:
    (tmp_path / "a.yaml").write_text(WEB)

    result = run("render", str(tmp_path), "--variable", given)

    assert result.code == 2
    assert "--variable takes NAME=VALUE" in result.stderr


@pytest.mark.cluster
def test_an_application_lends_its_variables(stage: ClusterEnv, run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WEB)
    site = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "site"}, "data": {"REPLICAS": "2"}}
    stage.plane.request(
        "POST",
        f"/api/v1/namespaces/{stage.namespace}/configmaps",
        site,
    )
    variables = {"values": {"CITY": "Kiel"}, "from": [{"kind": "ConfigMap", "name": "site"}]}
    stage.application("web", render={"variables": variables})

    printed = [run("render", str(tmp_path), "--application", "web", *more).stdout for more in ((), ("--variable", "CITY=Ulm"))]

    assert ["replicas: 2" in text for text in printed] == [True, True]
    assert ["city: Kiel" in printed[0], "city: Ulm" in printed[1]] == [True, True]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test, with the programs of the user's."""
    own = tmp_path / "cache" / "gitops-agent"
    own.mkdir(parents=True)
    (own / "tools").symlink_to(tool_cache())
    monkeypatch.setenv("XDG_CACHE_HOME", str(own.parent))


@pytest.mark.usefixtures("own_cache")
def test_a_pinned_remote_base_is_fetched_once(run: Run, tmp_path: Path) -> None:
    base = Author(tmp_path / "base.git")
    commit = base.commit({"web/kustomization.yaml": "resources: [w.yaml]\n", "web/w.yaml": dump_all([configmap("w")])})
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(f"resources: ['file://{base.directory}//web?ref={commit}']\n")

    assert run("render", str(folder), "-o", "name").stdout == "ConfigMap:w\n"
    base.directory.rename(tmp_path / "gone.git")
    assert run("render", str(folder), "-o", "name").stdout == "ConfigMap:w\n"


@pytest.mark.usefixtures("own_cache")
def test_a_remote_base_that_cannot_be_fetched_is_named(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "kustomization.yaml").write_text(f"resources: ['file://{tmp_path}/gone.git?ref={'f' * 40}']\n")

    result = run("render", str(folder))

    assert (result.code, result.stdout) == (1, "")
    assert f"file://{tmp_path}/gone.git" in result.stderr


@pytest.mark.usefixtures("own_cache")
def test_a_locked_dependency_of_a_chart_is_fetched_once(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    with serving() as charts:
        charts.publish("redis", "1.2.0", redis("1.2.0"))
        for path, text in shop(charts.url).items():
            put(folder, {path.removeprefix("shop/"): text})
        expected = "ConfigMap:redis\nConfigMap:shop\n"
        assert run("render", str(folder), "-o", "name").stdout == expected
    assert run("render", str(folder), "-o", "name").stdout == expected

    (folder / "Chart.lock").unlink()
    result = run("render", str(folder))
    assert (result.code, "helm dependency update ." in result.stderr) == (1, True)
