from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.render.graph import Graph
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.renderer import Rendered, Renderer, RenderLimits
from gitops_agent.render.request import rendered
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import ask, config_map, names, put

Render = Callable[..., Rendered]
Refusal = Callable[..., RenderError]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resources", "[https://user:hunter22@github.com/org/repo//base?ref=v1]"),
        ("resources", "['http://169.254.169.254/latest/meta-data']"),
        ("resources", "[git@github.com:org/repo.git]"),
        ("resources", "[github.com/org/repo/base]"),
        ("bases", "['../base?ref=main']"),
        ("components", "[ssh://git@host/x]"),
        ("patches", "[{path: 'https://host/p.yaml'}]"),
        ("configMapGenerator", "[{name: x, files: ['a=https://host/f']}]"),
        ("transformers", "[https://host/t.yaml]"),
        ("crds", "[https://host/crd.json]"),
        ("openapi", "{path: 'https://host/s.json'}"),
    ],
)
def test_what_lies_outside_the_repository_is_refused(refusal: Refusal, field: str, value: str) -> None:
    error = refusal(ask("app"), {"app/kustomization.yaml": f"{field}: {value}\n"})
    assert error.reason == "RemoteBase"
    assert error.message.startswith(f"app/kustomization.yaml: {field}")
    assert "hunter22" not in error.message


@pytest.mark.parametrize(
    "text",
    [
        "resources: [/etc/passwd]",
        "resources: [../../etc/passwd]",
        "components: [../../x]",
        "patches: [{path: ../../../etc/passwd}]",
        "configMapGenerator: [{name: x, files: [../../etc/passwd]}]",
        "secretGenerator: [{name: x, envs: [/proc/self/environ]}]",
        "secretGenerator: [{name: x, files: ['k=/var/run/secrets/kubernetes.io/serviceaccount/token']}]",
        "openapi: {path: ../../etc/passwd}",
        "replacements: [{path: ../../etc/passwd}]",
        "configurations: [../../etc/passwd]",
        "generators: [../../etc/passwd]",
        'resources: ["a\\0b"]',
    ],
)
def test_a_path_out_of_the_repository_is_refused(refusal: Refusal, text: str) -> None:
    error = refusal(ask("app"), {"app/kustomization.yaml": f"{text}\n"})
    assert error.reason == "PathEscapes"
    assert error.message.startswith("app/kustomization.yaml: ")


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd", "loop.yaml"])
def test_a_link_out_of_the_repository_is_refused(render: Render, repository: Path, target: str) -> None:
    put(repository, {"app/kustomization.yaml": "configMapGenerator: [{name: x, files: [loop.yaml]}]\n"})
    (repository / "app" / "loop.yaml").symlink_to(target)
    with pytest.raises(SourceError):
        render(ask("app"))


@pytest.mark.parametrize(
    "text",
    [
        "resources: [gone.yaml]",
        "components: [gone]",
        "patches: [{path: gone.yaml}]",
        "patchesStrategicMerge: [gone.yaml]",
        "configMapGenerator: [{name: x, files: [gone.txt]}]",
        "configMapGenerator: [{name: x, envs: [gone.env]}]",
        "transformers: [gone.yaml]",
        "openapi: {path: gone.json}",
        "resources: [sub]",
    ],
)
def test_what_is_not_there_is_named_with_its_file_and_field(refusal: Refusal, text: str) -> None:
    error = refusal(ask("app"), {"app/kustomization.yaml": f"{text}\n", "app/sub/a.yaml": config_map()})
    assert error.reason == "FileNotFound"
    assert error.message.startswith(f"app/kustomization.yaml: {text.partition(':')[0]}")


@pytest.mark.parametrize("text", ["crds: [sub]", "bases: [a.yaml]", "configMapGenerator: [{name: x, files: [sub]}]"])
def test_a_file_is_no_directory_and_a_directory_no_file(refusal: Refusal, text: str) -> None:
    files = {"app/kustomization.yaml": f"{text}\n", "app/sub/a.yaml": config_map(), "app/a.yaml": config_map()}
    assert "directory" in refusal(ask("app"), files).message


def test_a_circle_is_printed(refusal: Refusal) -> None:
    files = {f"{a}/kustomization.yaml": f"resources: [../{b}]\n" for a, b in (("a", "b"), ("b", "c"), ("c", "a"))}
    assert "a → b → c → a" in refusal(ask("a"), files).message


@pytest.mark.parametrize("itself", [".", "./", "../app", "sub/.."])
def test_a_kustomization_that_names_itself_is_a_circle(refusal: Refusal, itself: str) -> None:
    files = {"app/kustomization.yaml": f"resources: [{itself}]\n", "app/sub/x": ""}
    assert "circle: app → app" in refusal(ask("app"), files).message


def test_a_circle_through_a_link_is_found(refusal: Refusal, repository: Path) -> None:
    put(repository, {"a/kustomization.yaml": "resources: [next]\n"})
    (repository / "a" / "next").symlink_to("../a")
    assert "circle" in refusal(ask("a")).message


def test_depth_is_limited(repository: Path, tmp_path: Path) -> None:
    for level in range(8):
        put(repository, {f"l{level}/kustomization.yaml": f"resources: [../l{level + 1}]\n"})
    put(repository, {"l8/kustomization.yaml": "resources: []\n"})
    with pytest.raises(RenderError) as caught:
        rendered(Renderer(scratch=tmp_path / "s", limits=RenderLimits(depth=5)).attempt(WorkTree(repository), ask("l0")))
    assert caught.value.reason == "RenderTooLarge"
    assert "more than 5 kustomizations" in caught.value.message
    rendered(Renderer(scratch=tmp_path / "s", limits=RenderLimits(depth=5)).attempt(WorkTree(repository), ask("l4")))
    with pytest.raises(RenderError):
        rendered(Renderer(scratch=tmp_path / "s", limits=RenderLimits(depth=5)).attempt(WorkTree(repository), ask("l3")))


def test_a_base_that_two_share_is_walked_once(render: Render) -> None:
    files = {
        "app/kustomization.yaml": "resources: [../l, ../r]\n",
        "l/kustomization.yaml": "resources: [../base]\nnamePrefix: l-\n",
        "r/kustomization.yaml": "resources: [../base]\nnamePrefix: r-\n",
        "base/kustomization.yaml": "resources: [a.yaml]\n",
        "base/a.yaml": config_map(),
    }
    assert names(render(ask("app"), files)) == ["ConfigMap/l-settings", "ConfigMap/r-settings"]


def test_a_ladder_of_shared_bases_is_walked_once_a_rung(repository: Path) -> None:
    rungs = 20
    for level in range(rungs):
        below = f"resources: [../l{level + 1}, ../r{level + 1}]\n" if level + 1 < rungs else "resources: []\n"
        put(repository, {f"{side}{level}/kustomization.yaml": below for side in "lr"})
    asked = Inputs(WorkTree(repository), RenderLimits(files=4 * rungs))

    Graph(asked, depth=rungs).visit("l0")

    assert {name for name in asked.files if name.startswith("r")} == {
        f"r{level}/kustomization.yaml" for level in range(1, rungs)
    }


def test_two_kustomizations_in_one_directory_are_refused(refusal: Refusal) -> None:
    files = {"app/kustomization.yaml": "resources: []\n", "app/Kustomization": "resources: []\n"}
    assert "app/kustomization.yaml and app/Kustomization" in refusal(ask("app"), files).message


def test_charts_inside_kustomize_are_refused_with_advice(refusal: Refusal) -> None:
    text = "helmCharts: [{name: x, repo: 'https://charts.example.com', version: 1.0.0}]\n"
    error = refusal(ask("app"), {"app/kustomization.yaml": text})
    assert "spec.render.helm" in error.message
    assert "helmCharts" in error.message


@pytest.mark.parametrize("function", ["container: {image: x}", "exec: {path: ./evil.sh}", "starlark: {path: x.star}"])
@pytest.mark.parametrize("inline", [True, False])
def test_functions_are_refused(refusal: Refusal, function: str, inline: bool) -> None:  # noqa: FBT001 - a parameter of the test
    config = (
        f"apiVersion: x/v1\nkind: X\nmetadata:\n  name: x\n  annotations:\n    config.kubernetes.io/function: '{function}'\n"
    )
    rows = "".join(f"  {row}\n" for row in config.splitlines())
    text = f"transformers:\n- |\n{rows}" if inline else "transformers: [f.yaml]\n"
    assert "run a function" in refusal(ask("app"), {"app/kustomization.yaml": text, "app/f.yaml": config}).message


def test_a_generator_of_charts_is_refused(refusal: Refusal) -> None:
    config = "apiVersion: builtin\nkind: HelmChartInflationGenerator\nmetadata: {name: x}\nname: x\n"
    error = refusal(ask("app"), {"app/kustomization.yaml": "generators: [g.yaml]\n", "app/g.yaml": config})
    assert error.message == (
        "app/g.yaml: HelmChartInflationGenerator is not supported, because it runs Helm inside kustomize: commit the chart and "
        "make it an Application with spec.render.helm"
    )


def test_decryption_by_ksops_is_refused_as_what_it_is(refusal: Refusal) -> None:
    config = "apiVersion: viaduct.ai/v1\nkind: ksops\nmetadata: {name: x}\nfiles: [secret.enc.yaml]\n"
    error = refusal(ask("app"), {"app/kustomization.yaml": "generators: [g.yaml]\n", "app/g.yaml": config})
    assert error.message.endswith("list its files under resources, and set spec.render.decryption")


def test_a_file_that_is_not_there_is_named_with_what_comes_near(refusal: Refusal) -> None:
    error = refusal(ask("app"), {"app/kustomization.yaml": "resources: [web]\n", "app/web.yaml": config_map()})
    assert error.message == "app/kustomization.yaml: resources: web does not exist; did you mean app/web.yaml?"


def test_a_pinned_remote_base_is_not_fetched_while_rendering(refusal: Refusal) -> None:
    base = f"https://github.com/example/config//base?ref={'c0ffee0000' * 4}"
    error = refusal(ask("app"), {"app/kustomization.yaml": f"resources: ['{base}']\n"})
    assert error.reason == "RemoteBaseMissing"


@pytest.mark.parametrize("text", ["[]", "text", "a: 1\n---\nb: 2\n"])
def test_a_kustomization_is_one_mapping(refusal: Refusal, text: str) -> None:
    assert "app/kustomization.yaml" in refusal(ask("app"), {"app/kustomization.yaml": text}).message


def test_an_error_in_a_kustomization_names_its_line(refusal: Refusal) -> None:
    assert (
        "app/kustomization.yaml, line 2" in refusal(ask("app"), {"app/kustomization.yaml": "resources: []\n\tx: 1\n"}).message
    )


def test_an_alias_bomb_in_a_kustomization_is_refused(refusal: Refusal) -> None:
    rows = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"] + [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    assert "unfolds" in refusal(ask("app"), {"app/kustomization.yaml": "\n".join(rows)}).message


def test_a_name_longer_than_a_path_is_refused(refusal: Refusal) -> None:
    error = refusal(ask("app"), {"app/kustomization.yaml": f"resources: ['{'a@' * 2049}']\n"})
    assert error.message.startswith("app/kustomization.yaml: resources: a name has at most 4096 characters")


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("Resources: ['http://127.0.0.1:1/x']", "Resources"),
        ("re\u017fources: ['http://127.0.0.1:1/x']", "re\u017fources"),
        ("configMapGenerator: [{name: loot, Files: ['data=http://127.0.0.1:1/x']}]", "Files"),
        ("CONFIGMAPGENERATOR: [{name: loot}]", "CONFIGMAPGENERATOR"),
        ("patches: [{Path: 'http://127.0.0.1:1/x'}]", "Path"),
        ("openapi: {PATH: 'http://127.0.0.1:1/x'}", "PATH"),
        ("HelmCharts: [{name: x}]", "HelmCharts"),
        ('generators: ["Kind: HelmChartInflationGenerator\\nmetadata: {name: x}\\n"]', "Kind"),
        ('transformers: ["kind: PatchTransformer\\nmetadata: {name: x}\\nPath: a\\n"]', "Path"),
    ],
)
def test_a_key_that_differs_in_case_only_is_refused(refusal: Refusal, text: str, field: str) -> None:
    error = refusal(ask("app"), {"app/kustomization.yaml": f"{text}\n"})
    assert error.message.startswith(f"app/kustomization.yaml: {field}: the field is spelled ")
    assert error.facts["field"] == field


def test_both_spellings_of_a_generator_are_read(render: Render) -> None:
    rendered = render(
        ask("app"), {"app/kustomization.yaml": "configmapGenerator: []\nresources: [a.yaml]\n", "app/a.yaml": config_map()}
    )
    assert len(rendered.manifests) == 1
