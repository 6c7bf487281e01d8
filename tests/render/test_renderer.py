from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.render.renderer import KubeFacts, Rendered, Renderer, RenderLimits, content_key
from gitops_agent.render.request import Failure, rendered
from gitops_agent.render.variables.variable import Variable
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import CHART, ask, config_map, deployment, names, put

Render = Callable[..., Rendered]
Refusal = Callable[..., RenderError]


def test_a_kustomization_wins_over_a_chart_and_a_chart_over_plain_files(render: Render) -> None:
    plain = render(ask("app"), {"app/a.yaml": config_map("plain")})
    chart = render(ask("app"), {"app/Chart.yaml": CHART, "app/templates/a.yaml": config_map("chart")})
    kustomized = render(ask("app"), {"app/kustomization.yml": "resources: [a.yaml]\nnamePrefix: k-\n"})
    assert [(r.format, names(r)) for r in (plain, chart, kustomized)] == [
        ("plain", ["ConfigMap/plain"]),
        ("helm", ["ConfigMap/chart"]),
        ("kustomize", ["ConfigMap/k-plain"]),
    ]


def test_options_choose_the_chart_beside_a_kustomization(render: Render) -> None:
    files = {
        "app/Chart.yaml": CHART,
        "app/templates/a.yaml": config_map("chart"),
        "app/kustomization.yaml": "resources: [templates/a.yaml]\nnamePrefix: k-\n",
    }
    assert render(ask("app", helm={"releaseName": "x"}), files).format == "helm"


@pytest.mark.parametrize(("option", "file"), [("helm", "Chart.yaml"), ("kustomize", "kustomization.yaml")])
def test_options_of_a_format_that_is_not_there_are_refused(refusal: Refusal, option: str, file: str) -> None:
    options: dict[str, Any] = {option: {}}
    error = refusal(ask("app", **options), {"app/a.yaml": config_map()})
    assert f"spec.render.{option}" in error.message
    assert file in error.message


def test_options_of_helm_are_refused_for_a_kustomization(refusal: Refusal) -> None:
    assert "Chart.yaml" in refusal(ask("", helm={}), {"kustomization.yaml": "resources: []\n"}).message


@pytest.mark.parametrize("path", ["missing", "app/a.yaml/deeper", "app/missing.yaml"])
def test_a_path_that_is_not_there_is_said_so(refusal: Refusal, path: str) -> None:
    error = refusal(ask(path), {"app/a.yaml": config_map()})
    assert error.reason == "PathNotFound"


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "app/../../repository-evil", "x\0y"])
def test_a_path_out_of_the_repository_is_refused(refusal: Refusal, path: str) -> None:
    assert refusal(ask(path), {"app/a.yaml": config_map()}).reason == "PathEscapes"


@pytest.mark.parametrize("path", ["", ".", "./", "/", "app/.."])
def test_the_root_can_be_spelled_in_many_ways(render: Render, path: str) -> None:
    assert names(render(ask(path), {"app/a.yaml": config_map()})) == ["ConfigMap/settings"]


def test_a_single_file_is_rendered(render: Render) -> None:
    rendered = render(ask("app/a.yaml"), {"app/a.yaml": config_map("one"), "app/b.yaml": config_map("two")})
    assert names(rendered) == ["ConfigMap/one"]
    assert {path for path, _ in rendered.closure.entries} == {"app/a.yaml"}


@pytest.mark.parametrize("file", ["kustomization.yaml", "Chart.yaml"])
def test_the_file_of_a_directory_is_not_rendered_by_itself(refusal: Refusal, file: str) -> None:
    assert "directory" in refusal(ask(f"app/{file}"), {f"app/{file}": "a: 1\n"}).message


def test_a_file_that_is_no_manifest_is_refused(refusal: Refusal) -> None:
    assert "neither" in refusal(ask("README.md"), {"README.md": "# hello\n"}).message


def test_an_empty_directory_renders_nothing(render: Render) -> None:
    rendered = render(ask("app"), {"app/README.md": "none yet\n"})
    assert rendered.manifests == ()


def test_the_path_may_be_a_link(render: Render, repository: Path) -> None:
    put(repository, {"real/a.yaml": config_map()})
    (repository / "app").symlink_to("real")
    assert names(render(ask("app"))) == ["ConfigMap/settings"]


def test_a_path_through_a_link_out_of_the_repository_is_refused(render: Render, repository: Path) -> None:
    (repository / "app").symlink_to("../../etc")
    with pytest.raises(SourceError) as caught:
        render(ask("app"))
    assert caught.value.reason == "PathEscapes"


def test_the_digest_is_that_of_the_objects_in_order(render: Render) -> None:
    first = render(ask("app"), {"app/a.yaml": config_map(k="1")})
    again = render(ask("app"), {"app/notes.txt": "changes nothing\n"})
    other = render(ask("app"), {"app/a.yaml": config_map(k="2")})
    assert first.digest == again.digest != other.digest


def test_the_key_changes_with_options_facts_and_programs(renderer: Renderer, tmp_path: Path) -> None:
    tool = tmp_path / "helm"
    tool.write_text("#!/bin/sh\necho v3.99.0\n")
    tool.chmod(0o755)
    keys = [
        renderer.key(ask("app")),
        renderer.key(ask("other")),
        renderer.key(ask("app", namespace="x")),
        renderer.key(ask("app", helm={"values": {"a": 1}})),
        renderer.key(ask("app", facts=KubeFacts(version="1.36.0"))),
        renderer.key(ask("app", facts=KubeFacts(api_versions=("x/v1",)))),
        Renderer(scratch=tmp_path / "s", helm=tool).key(ask("app")),
    ]
    assert len(set(keys)) == len(keys)
    assert keys[0] == renderer.key(ask("app"))


def test_the_programs_and_their_versions_are_reported(render: Render) -> None:
    rendered = render(ask("app"), {"app/kustomization.yaml": "resources: []\n"})
    ((name, version),) = rendered.tools
    assert name == "kustomize"
    assert version.startswith("5.")


def test_renders_run_side_by_side(renderer: Renderer, repository: Path) -> None:
    for number in range(4):
        files = {"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": config_map(f"c{number}")}
        put(repository / f"app{number}", files)
    tree = WorkTree(repository)
    results: list[list[str]] = [[] for _ in range(4)]

    def work(number: int) -> None:
        results[number] = names(rendered(renderer.attempt(tree, ask(f"app{number}"))))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [[f"ConfigMap/c{number}"] for number in range(4)]


def test_the_number_of_objects_and_files_is_limited(repository: Path, tmp_path: Path) -> None:
    put(repository, {f"app/{number}.yaml": config_map(f"c{number}") for number in range(6)})
    for limits in (RenderLimits(objects=5), RenderLimits(files=5), RenderLimits(input_bytes=200)):
        with pytest.raises(RenderError) as caught:
            rendered(Renderer(scratch=tmp_path / "s", limits=limits).attempt(WorkTree(repository), ask("app")))
        assert caught.value.reason == "RenderTooLarge"


@pytest.mark.parametrize("text", ["$(touch pwned)", "`touch pwned`", "; touch pwned;", "--help", "a\\nb", "'\\\"'"])
def test_no_text_reaches_a_shell(render: Render, repository: Path, text: str) -> None:
    files: Mapping[str, str] = {
        "app/Chart.yaml": CHART,
        "app/templates/a.yaml": config_map() + "data: {value: {{ .Values.text | quote }}}\n",
    }
    rendered = render(ask("app", helm={"values": {"text": text}}), files)
    assert rendered.manifests[0].obj["data"] == {"value": text}
    assert not list(repository.parent.rglob("pwned"))


def test_a_kustomization_over_deployments_is_what_the_tool_says(render: Render) -> None:
    files = {
        "base/kustomization.yaml": "resources: [web.yaml]\n",
        "base/web.yaml": deployment(),
        "prod/kustomization.yaml": "resources: [../base]\nimages: [{name: example.com/web, newTag: '2'}]\n",
    }
    (manifest,) = render(ask("prod"), files).manifests
    assert manifest.obj["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/web:2"
    assert manifest.place == "prod/kustomization.yaml (document 1)"


CITY = (Variable(name="CITY", value="Köln", source="ConfigMap site"),)
PLACE = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: place\ndata:\n  city: ${CITY}\n"


@pytest.mark.parametrize(
    "files",
    [
        {"app/a.yaml": PLACE},
        {"app/a.yaml": PLACE, "app/kustomization.yaml": "resources: [a.yaml]\n"},
        {"app/Chart.yaml": CHART, "app/templates/a.yaml": PLACE},
    ],
    ids=["plain", "kustomize", "helm"],
)
def test_variables_are_replaced_in_what_every_tool_makes(render: Render, files: dict[str, str]) -> None:
    result = render(replace(ask("app", variables={}), variables=CITY), files)

    assert [manifest.obj["data"] for manifest in result.manifests] == [{"city": "Köln"}]
    assert result.variables == ("CITY",)


def test_a_patch_of_an_object_that_is_renamed_later_counts_as_used(render: Render) -> None:
    patch = "patches: [{target: {name: '.*-place'}, patch: '- {op: add, path: /data/more, value: x}'}]\n"
    files = {
        "app/a.yaml": PLACE.replace("name: place", "name: ${CITY}-place"),
        "app/kustomization.yaml": "resources: [a.yaml]\n" + patch,
    }
    result = render(
        replace(ask("app", variables={"in": ["values", "names"]}), variables=(replace(CITY[0], value="ulm"),)), files
    )

    assert names(result) == ["ConfigMap/ulm-place"]
    assert result.warnings == ()


def test_a_name_is_replaced_only_where_the_spec_lists_names(refusal: Refusal) -> None:
    files = {"app/a.yaml": PLACE.replace("name: place", "name: ${CITY}")}
    error = refusal(replace(ask("app", variables={}), variables=CITY), files)

    assert "whose field `in` lists `names`" in error.message


def test_a_failure_knows_what_it_looked_up(tmp_path: Path, repository: Path) -> None:
    put(repository, {"app/a.yaml": PLACE})
    result = Renderer(scratch=tmp_path / "scratch").attempt(WorkTree(repository), ask("app", variables={}))

    assert isinstance(result, Failure)
    assert (result.error.reason, result.variables) == ("UndefinedVariable", ("CITY",))
    assert result.closure is not None
    assert not result.passing


def test_values_are_no_part_of_the_key_and_ways_are() -> None:
    def key(**variables: Any) -> str:
        return content_key(ask("app", variables=variables), {"helm": "4.0.0", "kustomize": "5.8.2"})

    assert key(values={"a": 1}) == key(values={"a": 2}, **{"from": [{"kind": "ConfigMap", "name": "site"}]})
    assert len({key(), key(undefined="keep"), key(compatibility="flux"), key(**{"in": ["names"]})}) == 4
