from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.render.renderer import Rendered
from tests.render.samples import ask, config_map, deployment, names, put

Render = Callable[..., Rendered]
Refusal = Callable[..., RenderError]

EVERYTHING = {
    "base/kustomization.yaml": "resources: [web.yaml]\n",
    "base/web.yaml": deployment(),
    "part/kustomization.yaml": (
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: p.yaml, target: {kind: Deployment}}]\n"
    ),
    "part/p.yaml": "- {op: add, path: /metadata/annotations, value: {part: 'yes'}}\n",
    "prod/kustomization.yaml": """\
resources: [../base]
components: [../part]
patchesStrategicMerge:
- merge.yaml
- |
  apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, labels: {inline: "yes"}}
patchesJson6902:
- {path: json.yaml, target: {group: apps, version: v1, kind: Deployment, name: web}}
patches:
- path: patch.yaml
configMapGenerator:
- {name: files, files: [conf/a.txt, key=conf/b.txt]}
- {name: envs, envs: [conf/c.env], literals: [x=y]}
secretGenerator:
- {name: secret, files: [conf/a.txt]}
generatorOptions: {disableNameSuffixHash: true}
replacements: [{path: replace.yaml}]
transformers: [labels.yaml]
generators: [generate.yaml]
configurations: [conf.yaml]
crds: [crd.json]
""",
    "prod/merge.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n",
    "prod/json.yaml": "- {op: add, path: /spec/paused, value: true}\n",
    "prod/patch.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {minReadySeconds: 7}\n",
    "prod/conf/a.txt": "A\n",
    "prod/conf/b.txt": "B\n",
    "prod/conf/c.env": "E=1\n",
    "prod/replace.yaml": (
        "source: {kind: ConfigMap, name: envs, fieldPath: data.E}\n"
        "targets: [{select: {kind: Deployment}, fieldPaths: [spec.revisionHistoryLimit], options: {create: true}}]\n"
    ),
    "prod/labels.yaml": (
        "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {t: 'yes'}\n"
        "fieldSpecs: [{path: metadata/labels, create: true}]\n"
    ),
    "prod/generate.yaml": (
        "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: generated}\nname: generated\nfiles: [conf/b.txt]\n"
        "options: {disableNameSuffixHash: true}\n"
    ),
    "prod/conf.yaml": "nameReference: []\n",
    "prod/crd.json": "{}\n",
    "prod/unused.yaml": "never read: [",
}


def test_everything_a_kustomization_can_name_is_copied_and_nothing_else(render: Render) -> None:
    rendered = render(ask("prod"), EVERYTHING)
    by_name = {manifest.key.name: manifest.obj for manifest in rendered.manifests}
    web = by_name["web"]
    assert web["spec"]["replicas"] == 3
    assert web["spec"]["paused"] is True
    assert web["spec"]["minReadySeconds"] == 7
    assert str(web["spec"]["revisionHistoryLimit"]) == "1"
    assert web["metadata"]["annotations"] == {"part": "yes"}
    assert web["metadata"]["labels"] == {"inline": "yes", "t": "yes"}
    assert by_name["files"]["data"] == {"a.txt": "A\n", "key": "B\n"}
    assert by_name["envs"]["data"] == {"E": "1", "x": "y"}
    assert by_name["generated"]["data"] == {"b.txt": "B\n"}
    assert by_name["secret"]["data"] == {"a.txt": "QQo="}
    present = {path for path, oid in rendered.closure.entries if oid}
    assert present == set(EVERYTHING) - {"prod/unused.yaml"}


def test_the_options_are_laid_over_the_users_kustomization(render: Render) -> None:
    files = {
        "app/kustomization.yaml": "resources: [web.yaml]\nnamePrefix: p-\n",
        "app/web.yaml": deployment(),
        "app/extra.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: p-web}\nspec: {replicas: 9}\n",
        "parts/blue/kustomization.yaml": (
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncommonAnnotations: {colour: blue}\n"
        ),
    }
    options = {
        "components": ["../parts/blue"],
        "images": [{"name": "example.com/web", "newName": "example.org/web", "newTag": "7"}],
        "patches": [
            {"path": "extra.yaml"},
            {"patch": "- {op: add, path: /spec/paused, value: true}", "target": {"kind": "Deployment"}},
        ],
    }
    rendered = render(ask("app", kustomize=options), files)
    (manifest,) = rendered.manifests
    spec = manifest.obj["spec"]
    assert spec["template"]["spec"]["containers"][0]["image"] == "example.org/web:7"
    assert (spec["replicas"], spec["paused"]) == (9, True)
    assert manifest.obj["metadata"]["annotations"] == {"colour": "blue"}
    assert {"app/extra.yaml", "parts/blue/kustomization.yaml"} <= {path for path, _ in rendered.closure.entries}


def test_names_and_the_namespace_are_laid_over_as_well(render: Render) -> None:
    files = {
        "app/kustomization.yaml": "resources: [web.yaml, settings.yaml]\n",
        "app/web.yaml": deployment(),
        "app/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: other}\n",
    }
    options = {"namespace": "dev", "namePrefix": "a-", "nameSuffix": "-b"}

    manifests = render(ask("app", kustomize=options), files).manifests

    names = {(manifest.obj["metadata"]["namespace"], manifest.obj["metadata"]["name"]) for manifest in manifests}
    assert names == {("dev", "a-web-b"), ("dev", "a-settings-b")}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"components": ["gone"]}, "components: gone"),
        ({"components": ["web.yaml"]}, "components: web.yaml"),
        ({"patches": [{"path": "gone.yaml"}]}, "patches: gone.yaml"),
        ({"patches": [{"path": "../../x.yaml"}]}, "leads out"),
    ],
)
def test_options_that_name_what_is_not_there_are_refused(refusal: Refusal, options: dict[str, object], words: str) -> None:
    files = {"app/kustomization.yaml": "resources: [web.yaml]\n", "app/web.yaml": deployment()}
    assert words in refusal(ask("app", kustomize=options), files).message


def test_words_that_look_like_values_stay_words(render: Render) -> None:
    literals = ["a=on", "b=0o10", "c=1e3", "d=2020-01-01", "e=12:30:45", "f=y", "g=null", "h=", "i=0123"]
    files = {"kustomization.yaml": "configMapGenerator:\n- name: words\n  literals: [" + ", ".join(map(repr, literals)) + "]\n"}
    (manifest,) = render(ask(), files).manifests
    assert manifest.obj["data"] == {literal[0]: literal[2:] for literal in literals}


def test_warnings_of_the_tool_are_passed_on(render: Render) -> None:
    files = {"b/kustomization.yaml": "resources: []\n", "app/kustomization.yaml": "bases: [../b]\n"}
    assert "'bases' is deprecated" in render(ask("app"), files).warnings[0]


def test_a_file_outside_the_kustomizations_root_is_refused_with_the_way_out(refusal: Refusal) -> None:
    files = {"app/kustomization.yaml": "resources: [../shared.yaml]\n", "shared.yaml": config_map()}
    error = refusal(ask("app"), files)
    assert error.message == (
        "app/kustomization.yaml: shared.yaml lies outside app, and kustomize reads no such files: make a directory with a "
        "kustomization of its own of it, and name that"
    )


def test_a_link_to_a_file_outside_the_root_is_refused(refusal: Refusal, repository: Path) -> None:
    put(repository, {"app/kustomization.yaml": "resources: [here.yaml]\n", "shared.yaml": config_map()})
    (repository / "app" / "here.yaml").symlink_to("../shared.yaml")
    assert "app/here.yaml leads outside app" in refusal(ask("app")).message


def test_a_link_to_a_directory_is_a_base_where_it_leads(render: Render, repository: Path) -> None:
    put(
        repository,
        {
            "app/kustomization.yaml": "resources: [base]\n",
            "real/base/kustomization.yaml": "resources: [a.yaml, ../other]\n",
            "real/base/a.yaml": config_map("a"),
            "real/other/kustomization.yaml": "resources: [b.yaml]\n",
            "real/other/b.yaml": config_map("b"),
        },
    )
    (repository / "app" / "base").symlink_to("../real/base")
    assert names(render(ask("app"))) == ["ConfigMap/a", "ConfigMap/b"]


def test_an_error_of_the_tool_names_no_folder_of_this_machine(refusal: Refusal, tmp_path: Path) -> None:
    files = {"app/kustomization.yaml": "resources: [a.yaml]\npatches: [{path: p.yaml}]\n", "app/a.yaml": config_map()}
    error = refusal(ask("app"), files | {"app/p.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: none}\n"})
    assert str(tmp_path) not in error.message
    assert "no matches for Id Secret" in error.message


@pytest.mark.parametrize("text", ["resources: [a.yaml]\nunknown: 1\n", "resources: 5\n", "kind: Nonsense\n"])
def test_what_kustomize_refuses_is_refused(refusal: Refusal, text: str) -> None:
    assert refusal(ask("app"), {"app/kustomization.yaml": text, "app/a.yaml": config_map()}).reason == "RenderFailed"


def test_objects_named_twice_are_refused_by_the_tool(refusal: Refusal) -> None:
    files = {"kustomization.yaml": "resources: [a.yaml, b.yaml]\n", "a.yaml": config_map(), "b.yaml": config_map()}
    assert "already registered id" in refusal(ask(), files).message


def test_an_error_of_kustomize_names_the_kustomization(refusal: Refusal) -> None:
    error = refusal(ask("app"), {"app/kustomization.yaml": "resource: [a.yaml]\n", "app/a.yaml": config_map()})
    assert error.message.startswith("app/kustomization.yaml: ")
    assert 'unknown field "resource"' in error.message
