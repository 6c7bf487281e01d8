from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gitops_agent.errors import RenderError, SourceError
from gitops_agent.render.renderer import Rendered, Renderer, RenderLimits
from gitops_agent.render.request import rendered
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import CHART, ask, config_map, names, put

Render = Callable[..., Rendered]
Refusal = Callable[..., RenderError]


def test_every_manifest_below_is_read_in_the_order_of_the_paths(render: Render) -> None:
    files = {
        "app/b.yml": config_map("b"),
        "app/a/deep.yaml": config_map("a") + "---\n" + config_map("a2"),
        "app/c.json": json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}),
        "app/d.txt": "not read",
        "app/README.md": "not read",
        "other/e.yaml": config_map("e"),
    }
    rendered = render(ask("app"), files)
    assert names(rendered) == ["ConfigMap/a", "ConfigMap/a2", "ConfigMap/b", "ConfigMap/c"]
    assert [manifest.place for manifest in rendered.manifests][:2] == [
        "app/a/deep.yaml (document 1)",
        "app/a/deep.yaml (document 2)",
    ]


def test_a_template_without_a_chart_is_named_as_what_it_is(refusal: Refusal) -> None:
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n"
    assert refusal(ask("app"), {"app/web.yaml": template}).message == (
        "app/web.yaml, line 4: looks like a Helm template, but there is no Chart.yaml to render it with: app is read as plain "
        "manifests, so name the directory of the chart in spec.source.path"
    )


def test_other_braces_are_an_error_of_the_text(refusal: Refusal) -> None:
    assert "looks like a Helm template" not in refusal(ask("app"), {"app/web.yaml": "a: {{ b }}: c\n"}).message


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("apps/plainn", "apps/plainn is not in the revision; did you mean apps/plain?"),
        ("aps/plain", "aps/plain is not in the revision; did you mean apps/plain?"),
        ("apps/plain/web.yml", "apps/plain/web.yml is not in the revision; did you mean apps/plain/web.yaml?"),
        ("apps/something", "apps/something is not in the revision"),
    ],
)
def test_a_path_that_is_not_there_is_named_with_what_comes_near(refusal: Refusal, path: str, message: str) -> None:
    error = refusal(ask(path), {"apps/plain/web.yaml": config_map(), "apps/helm/Chart.yaml": CHART})

    assert (error.message, error.reason) == (message, "PathNotFound")


def test_hidden_files_and_directories_are_no_manifests(render: Render) -> None:
    files = {"app/.github/ci.yaml": "on: push\n", "app/.hidden.yaml": "x", "app/a.yaml": config_map()}
    assert names(render(ask("app"), files)) == ["ConfigMap/settings"]


def test_an_application_may_lie_in_a_hidden_directory(render: Render) -> None:
    assert names(render(ask(".deploy"), {".deploy/a.yaml": config_map()})) == ["ConfigMap/settings"]


def test_a_kustomization_below_is_skipped_with_a_warning(render: Render) -> None:
    files = {"app/sub/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: x-\n", "app/sub/a.yaml": config_map()}
    rendered = render(ask("app"), files)
    assert names(rendered) == ["ConfigMap/settings"]
    assert "app/sub/kustomization.yaml" in rendered.warnings[0]


def test_files_of_jsonnet_are_named_in_a_warning(render: Render) -> None:
    files = {f"app/{name}.jsonnet": "{}" for name in "abcd"} | {"app/lib.libsonnet": "{}"}
    for more in ({}, {"app/web.yaml": config_map("web")}):
        rendered = render(ask("app"), files | more)
        assert rendered.warnings == (
            "app/a.jsonnet, app/b.jsonnet, app/c.jsonnet and 1 more: Jsonnet is not rendered; commit what it generates",
        )


def test_a_directory_without_a_manifest_says_so(render: Render) -> None:
    assert render(ask("app"), {"app/README.md": "nothing here"}).warnings == (
        "app holds no manifest: only files whose names end in .yaml, .yml or .json are read",
    )
    assert render(ask("app"), {"app/web.yaml": "# nothing yet"}).warnings == ()


def test_a_chart_below_is_refused(refusal: Refusal) -> None:
    files = {"app/chart/Chart.yaml": CHART, "app/chart/templates/a.yaml": "x: {{ .Values.x }}\n"}
    assert "app/chart is a Helm chart" in refusal(ask("app"), files).message


def test_an_error_names_file_document_and_line(refusal: Refusal) -> None:
    error = refusal(ask("app"), {"app/a.yaml": config_map() + "---\nkind: Service\nmetadata: {name: web}\n"})
    assert error.message == "app/a.yaml, document 2, line 6: Service web has no apiVersion"
    assert error.reason == "InvalidManifest"


@pytest.mark.parametrize(
    ("file", "text"),
    [("values.yaml", "replicaCount: 1\n"), ("package.json", '{"name": "shop"}'), ("compose.yml", "services: {web: {}}\n")],
)
def test_a_file_that_is_no_manifest_is_refused_with_what_to_do_about_it(refusal: Refusal, file: str, text: str) -> None:
    error = refusal(ask("app"), {"app/a.yaml": config_map(), f"app/{file}": text})
    assert error.message.startswith(f"app/{file}, line 1: the document has neither apiVersion nor kind")
    assert "kustomization.yaml" in error.message


def test_a_link_to_a_file_is_read(render: Render, repository: Path) -> None:
    put(repository, {"shared/a.yaml": config_map(), "app/.keep": ""})
    (repository / "app" / "linked.yaml").symlink_to("../shared/a.yaml")
    rendered = render(ask("app"))
    assert [manifest.file for manifest in rendered.manifests] == ["app/linked.yaml"]


def test_a_link_to_a_directory_is_read(render: Render, repository: Path) -> None:
    put(repository, {"shared/deep/a.yaml": config_map(), "app/.keep": ""})
    (repository / "app" / "linked").symlink_to("../shared")
    assert [manifest.file for manifest in render(ask("app")).manifests] == ["app/linked/deep/a.yaml"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "gone.yaml", "a.yaml"])
def test_a_link_that_is_broken_or_escapes_is_refused(render: Render, repository: Path, target: str) -> None:
    put(repository, {"app/.keep": ""})
    (repository / "app" / "a.yaml").symlink_to(target)
    with pytest.raises(SourceError) as caught:
        render(ask("app"))
    assert caught.value.reason in ("PathEscapes", "LinkBroken")


def test_a_link_to_the_directory_it_lies_in_is_refused(render: Render, repository: Path) -> None:
    put(repository, {"app/a.yaml": config_map()})
    (repository / "app" / "again").symlink_to(".")
    with pytest.raises(SourceError, match="lies in"):
        render(ask("app"))


def test_links_that_multiply_files_end_at_the_limit(repository: Path, tmp_path: Path) -> None:
    for level in range(20):
        put(repository, {f"l{level}/.keep": ""})
        (repository / f"l{level}" / "x").symlink_to(f"../l{level + 1}")
        (repository / f"l{level}" / "y").symlink_to(f"../l{level + 1}")
    put(repository, {"l20/a.yaml": config_map()})
    with pytest.raises(RenderError) as caught:
        rendered(Renderer(scratch=tmp_path / "s", limits=RenderLimits(files=300)).attempt(WorkTree(repository), ask("l0")))
    assert caught.value.reason == "RenderTooLarge"


def test_a_file_of_large_file_storage_is_refused(render: Render) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    with pytest.raises(SourceError) as caught:
        render(ask("app"), {"app/a.yaml": pointer})
    assert caught.value.reason == "LFSRefused"


@pytest.mark.parametrize("name", ["{}.yaml", "{}.json"])
def test_all_files_of_a_render_share_one_budget_of_values(repository: Path, tmp_path: Path, name: str) -> None:
    obj = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a%d"}, "x": [' + ",".join(["{}"] * 500) + "]}"
    put(repository, {name.format(number): obj % number for number in range(4)})
    renderer = Renderer(scratch=tmp_path, limits=RenderLimits(nodes=1_500))

    with pytest.raises(RenderError, match="with the other files of the render, to more than 1500 values"):
        rendered(renderer.attempt(WorkTree(repository), ask("")))
