from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_agent.api.render_options import HelmOptions, RenderOptions
from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.dialect import number, plain
from gitops_agent.render.renderer import KubeFacts, Rendered
from tests.manifest.test_dialect import TABLE
from tests.render.samples import CHART, ask, config_map, names, put

Render = Callable[..., Rendered]
Refusal = Callable[..., RenderError]

VALUES = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: values}\ndata: {values: {{ .Values | toJson | quote }}}\n"
FACTS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}, namespace: {{ .Release.Namespace }}}
data:
  version: {{ .Capabilities.KubeVersion.Version }}
  has: {{ .Capabilities.APIVersions.Has "example.com/v1/Thing" | quote }}
  service: {{ .Release.Service }}
"""


def chart(**files: str) -> dict[str, str]:
    return {"web/Chart.yaml": CHART} | {f"web/{name.replace('__', '/')}.yaml": text for name, text in files.items()}


def test_the_release_is_named_after_the_application(render: Render) -> None:
    (manifest,) = render(ask("web"), chart(templates__a=FACTS)).manifests
    assert (manifest.key.name, manifest.key.namespace) == ("shop", "shop")
    assert manifest.obj["data"]["service"] == "Helm"
    assert manifest.place == "web/templates/a.yaml (document 1)"


def test_options_name_the_release_and_the_facts(render: Render) -> None:
    options = {"releaseName": "r1", "kubeVersion": "v1.30.4", "apiVersions": ["example.com/v1/Thing"]}
    (manifest,) = render(ask("web", helm=options), chart(templates__a=FACTS)).manifests
    assert manifest.key.name == "r1"
    assert manifest.obj["data"] == {"version": "v1.30.4", "has": "true", "service": "Helm"}


def test_the_cluster_reports_its_version_and_kinds(render: Render) -> None:
    facts = KubeFacts(version="1.33.1", api_versions=("example.com/v1/Thing",))
    (manifest,) = render(ask("web", facts=facts), chart(templates__a=FACTS)).manifests
    assert manifest.obj["data"]["version"] == "v1.33.1"
    assert manifest.obj["data"]["has"] == "true"


def test_a_values_file_that_is_not_there_is_named_with_what_comes_near(refusal: Refusal) -> None:
    files = chart(templates__a=config_map(), values__prod="a: 1\n") | {"web/values-prod.yaml": "a: 1\n"}
    missing = refusal(ask("web", helm={"valuesFiles": ["values-prd.yaml"]}), files)
    pattern = refusal(ask("web", helm={"valuesFiles": ["values-*.yaml"]}), files)

    field = "spec.render.helm.valuesFiles"
    assert missing.message == f"{field}: web/values-prd.yaml does not exist; did you mean web/values-prod.yaml?"
    assert pattern.message == (f"{field}: web/values-*.yaml does not exist; patterns are not expanded, so name each file")


def test_later_values_win_and_inline_values_win_over_files(render: Render) -> None:
    files = chart(templates__a=VALUES, values="a: chart\nb: chart\nc: chart\nd: chart\n", one="b: one\nc: one\nd: one\n")
    files |= {"shared/two.yaml": "c: two\nd: two\n"}
    rendered = render(ask("web", helm={"valuesFiles": ["one.yaml", "../shared/two.yaml"], "values": {"d": "inline"}}), files)
    assert rendered.manifests[0].obj["data"]["values"] == '{"a":"chart","b":"one","c":"two","d":"inline"}'
    assert "shared/two.yaml" in {path for path, _ in rendered.closure.entries}


@pytest.mark.parametrize("value", ["on", "0o10", "1e3", "2020-01-01", "y", "null", "a: b", "{{ x }}", "line\nline\n"])
def test_inline_values_stay_what_they_are(render: Render, value: str) -> None:
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {v: {{ .Values.v | quote }}}\n"
    assert (
        render(ask("web", helm={"values": {"v": value}}), chart(templates__a=template)).manifests[0].obj["data"]["v"] == value
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/passwd", "PathEscapes"),
        ("../../../proc/self/environ", "PathEscapes"),
        ("gone.yaml", "FileNotFound"),
        ("templates", "FileNotFound"),
        ("https://user:hunter22@host/v.yaml", "RenderFailed"),
        ("file:///etc/passwd", "RenderFailed"),
    ],
)
def test_values_files_lie_in_the_repository(refusal: Refusal, name: str, reason: str) -> None:
    error = refusal(ask("web", helm={"valuesFiles": [name]}), chart(templates__a=config_map()))
    assert error.reason == reason
    assert error.message.startswith("spec.render.helm.valuesFiles")
    assert "hunter22" not in error.message


@pytest.mark.parametrize("place", ["values.yaml", "templates/a.yaml", "Chart.yaml", "charts/sub"])
def test_a_link_out_of_the_repository_is_refused(render: Render, repository: Path, place: str) -> None:
    put(repository, {"web/Chart.yaml": CHART, "web/templates/b.yaml": config_map(), "web/charts/.keep": ""})
    link = repository / "web" / place
    link.unlink(missing_ok=True)
    link.symlink_to("/etc/passwd")
    with pytest.raises(SourceError) as caught:
        render(ask("web"))
    assert caught.value.reason == "PathEscapes"


def test_crds_come_along_unless_skipped(render: Render) -> None:
    crd = (
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n"
        "spec: {group: example.com}\n"
    )
    files = chart(templates__a=config_map(), crds__thing=crd)
    rendered = render(ask("web"), files)
    assert names(rendered) == ["CustomResourceDefinition/things.example.com", "ConfigMap/settings"]
    assert rendered.manifests[0].file == "web/crds/thing.yaml"
    assert names(render(ask("web", helm={"skipCRDs": True}))) == ["ConfigMap/settings"]


def test_hooks_stay_and_tests_go(render: Render) -> None:
    def hook(name: str, event: str) -> str:
        return (
            f"apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations: {{helm.sh/hook: '{event}'}}\n"
            "spec: {template: {spec: {containers: []}}}\n"
        )

    files = chart(
        templates__a=hook("migrate", "pre-install,pre-upgrade"),
        templates__b=hook("t1", "test"),
        templates__c=hook("t2", "test-success"),
        templates__d=hook("t3", "pre-install, test-failure"),
        templates__e=config_map(),
    )
    rendered = render(ask("web"), files)
    assert sorted(names(rendered)) == ["ConfigMap/settings", "Job/migrate"]
    assert rendered.warnings == ()


def test_notes_are_no_manifest(render: Render) -> None:
    files = chart(templates__a=config_map()) | {"web/templates/NOTES.txt": "Hello {{ .Release.Name }}: [\n"}
    assert names(render(ask("web"), files)) == ["ConfigMap/settings"]


def test_a_library_is_refused(refusal: Refusal) -> None:
    error = refusal(ask("lib"), {"lib/Chart.yaml": CHART + "type: library\n"})
    assert "lib is a library chart" in error.message


def test_a_vendored_directory_and_a_library_are_used(render: Render) -> None:
    dependencies = (
        "dependencies:\n- {name: sub, version: 1.x, repository: 'https://charts.example.com'}\n- {name: lib, version: 0.1.0}\n"
    )
    files = {
        "web/Chart.yaml": CHART + dependencies,
        "web/templates/a.yaml": '{{ include "lib.map" . }}',
        "web/charts/sub/Chart.yaml": "apiVersion: v2\nname: sub\nversion: 1.2.3\n",
        "web/charts/sub/templates/b.yaml": config_map("sub-{{ .Values.global.x }}"),
        "web/charts/lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 0.1.0\ntype: library\n",
        "web/charts/lib/templates/_l.tpl": '{{ define "lib.map" }}' + config_map("from-lib") + "{{ end }}",
        "web/values.yaml": "global: {x: z}\n",
    }
    rendered = render(ask("web"), files)
    assert sorted(names(rendered)) == ["ConfigMap/from-lib", "ConfigMap/sub-z"]
    assert "web/charts/sub/templates/b.yaml" in {manifest.file for manifest in rendered.manifests}


def test_a_chart_in_the_repository_is_used_as_dependency(render: Render) -> None:
    files = {
        "web/Chart.yaml": CHART
        + "dependencies:\n- {name: sub, version: '>=0', repository: 'file://../charts/sub', alias: one}\n"
        + "- {name: sub, version: '>=0', repository: 'file://../charts/sub', alias: two}\n",
        "web/values.yaml": "one: {label: first}\ntwo: {label: second}\n",
        "charts/sub/Chart.yaml": (
            "apiVersion: v2\nname: sub\nversion: 1.0.0\ndependencies:\n- {name: leaf, version: 0.x, repository: 'file://../leaf'}\n"
        ),
        "charts/sub/templates/a.yaml": config_map("{{ .Values.label }}"),
        "charts/leaf/Chart.yaml": "apiVersion: v2\nname: leaf\nversion: 0.3.0\n",
        "charts/leaf/templates/a.yaml": config_map("leaf-{{ .Chart.Version }}-{{ .Values.label | default `x` }}"),
    }
    rendered = render(ask("web"), files)
    assert {"ConfigMap/first", "ConfigMap/second", "ConfigMap/leaf-0.3.0-x"} <= set(names(rendered))
    assert {"charts/sub", "charts/leaf"} <= {path for path, _ in rendered.closure.entries}


@pytest.mark.parametrize("file", ["Chart.yaml", "requirements.yaml"])
def test_a_dependency_that_is_not_vendored_is_named_with_the_command(refusal: Refusal, file: str) -> None:
    wish = "dependencies:\n- {name: redis, version: 19.x, repository: 'https://user:hunter22@charts.example.com'}\n"
    files = chart(templates__a=config_map())
    files[f"web/{file}"] = files.get(f"web/{file}", "") + wish
    error = refusal(ask("web"), files)
    assert "redis 19.x" in error.message
    assert "helm dependency update web" in error.message
    assert "hunter22" not in error.message


@pytest.mark.parametrize("repository_url", ["file://../../outside", "file:///etc", "file://../gone", "file://..", "file://."])
def test_a_local_dependency_lies_in_the_repository_beside_the_chart(refusal: Refusal, repository_url: str) -> None:
    wish = f"dependencies:\n- {{name: sub, version: 1.x, repository: '{repository_url}'}}\n"
    assert "sub" in refusal(ask("web"), {"web/Chart.yaml": CHART + wish}).message


def test_local_dependencies_in_a_circle_are_refused(refusal: Refusal) -> None:
    def about(name: str, other: str) -> str:
        return f"apiVersion: v2\nname: {name}\nversion: 1.0.0\ndependencies:\n- {{name: {other}, version: 1.x, repository: 'file://../{other}'}}\n"

    assert "deep" in refusal(ask("a"), {"a/Chart.yaml": about("a", "b"), "b/Chart.yaml": about("b", "a")}).message


def test_values_that_do_not_fit_the_schema_are_named_by_their_path(refusal: Refusal) -> None:
    schema = '{"properties": {"image": {"properties": {"tag": {"type": "string"}}}}}'
    files = chart(templates__a=config_map(), values="image: {tag: 1}\n") | {"web/values.schema.json": schema}
    error = refusal(ask("web"), files)
    assert "/image/tag" in error.message or "image.tag" in error.message
    assert error.reason == "RenderFailed"


def test_a_schema_that_lies_elsewhere_is_not_fetched_but_said(render: Render) -> None:
    schema = '{"properties": {"a": {"$ref": "https://schemas.example.com/a.json"}}}'
    files = chart(templates__a=config_map(), values="a: 1\n") | {"web/values.schema.json": schema}
    assert "is not fetched" in render(ask("web"), files).warnings[0]


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("a: {{ .Values.x.y }}\n", "web/templates/a.yaml:1"),
        ("\na: {{ required `x is needed` .Values.x }}\n", "x is needed"),
        ("a: {{ nope }}\n", "web/templates/a.yaml:1"),
        ('a: {{ include "gone" . }}\n', "gone"),
        ("a:\n  b: 1\n c: 2\n", "web/templates/a.yaml"),
    ],
)
def test_an_error_in_a_template_names_its_file(refusal: Refusal, template: str, words: str) -> None:
    error = refusal(ask("web"), chart(templates__a=template))
    assert words in error.message
    assert "--debug" not in error.message


def test_an_object_that_is_none_is_named_by_its_template(refusal: Refusal) -> None:
    error = refusal(ask("web"), chart(templates__bad="kind: ConfigMap\nmetadata: {name: x}\n"))
    assert error.facts["file"] == "web/templates/bad.yaml"


def test_a_key_a_chart_writes_twice_is_taken_from_the_last_with_a_warning(render: Render) -> None:
    rendered = render(ask("web"), chart(templates__a=config_map() + "data: {a: '1'}\ndata: {a: '2'}\n"))
    assert rendered.manifests[0].obj["data"] == {"a": "2"}
    assert "twice" in rendered.warnings[0]


def test_there_is_no_cluster_to_look_up(render: Render) -> None:
    template = config_map() + 'data: {found: {{ lookup "v1" "Secret" "" "" | len | quote }}}\n'
    rendered = render(ask("web"), chart(templates__a=template, templates__b="{{/* lookup */}}"))
    assert rendered.manifests[0].obj["data"] == {"found": "0"}
    assert [warning.split(" uses ")[0] for warning in rendered.warnings] == ["web/templates/a.yaml"]


def test_names_are_not_resolved(render: Render) -> None:
    template = config_map() + 'data: {address: {{ getHostByName "localhost" | quote }}}\n'
    assert render(ask("web"), chart(templates__a=template)).manifests[0].obj["data"] == {"address": ""}


def test_the_environment_of_the_agent_is_not_seen(render: Render, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter22")
    template = config_map() + "data: {x: {{ .Files.Get `../../etc/passwd` | quote }}}\n"
    assert render(ask("web"), chart(templates__a=template)).manifests[0].obj["data"] == {"x": ""}


def test_files_of_the_chart_can_be_read_by_templates(render: Render) -> None:
    files = chart(templates__a=config_map() + "data: {x: {{ .Files.Get `conf/x.txt` | quote }}}\n") | {
        "web/conf/x.txt": "hello"
    }
    assert render(ask("web"), files).manifests[0].obj["data"] == {"x": "hello"}


@pytest.mark.slow
def test_huge_lists_in_values_end_at_a_limit(refusal: Refusal) -> None:
    template = "{{ range until 900000000 }}x{{ end }}"
    assert refusal(ask("web"), chart(templates__a=template)).reason in ("RenderTooLarge", "RenderFailed", "RenderTimeout")


def test_a_chart_at_the_root_of_the_repository(render: Render) -> None:
    files = {"Chart.yaml": CHART, "templates/a.yaml": config_map()}
    assert [manifest.file for manifest in render(ask(""), files).manifests] == ["templates/a.yaml"]


def test_helmignore_is_honoured(render: Render) -> None:
    files = chart(templates__a=config_map(), templates__b=config_map("ignored")) | {"web/.helmignore": "templates/b.yaml\n"}
    assert names(render(ask("web"), files)) == ["ConfigMap/settings"]


def test_what_only_we_refuse_in_a_chart_is_named_by_its_template(refusal: Refusal) -> None:
    files = chart(templates__a=config_map("a"), templates__bad=config_map("b") + "data: {on: x}\n")
    error = refusal(ask("web"), files)
    assert error.message.startswith("web/templates/bad.yaml: the key on is not a text")
    assert error.reason == "InvalidManifest"


def test_values_nested_without_end_are_refused(refusal: Refusal) -> None:
    values: dict[str, object] = {}
    for _ in range(2000):
        values = {"a": values}
    options = HelmOptions.model_construct(values=values)
    request = replace(ask("web"), options=RenderOptions.model_construct(helm=options, kustomize=None))
    assert "nested" in refusal(request, chart(templates__a=config_map())).message


def test_words_mean_to_us_what_they_mean_to_helm(render: Render) -> None:
    # Helm's toJson passes every number through a float, so the largest integers come back rounded.
    words = [word for word, value in TABLE if word not in ("", "-") and not (isinstance(value, int) and value > 2**53)]
    text = "".join(f"- {word}\n" for word in words)
    template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {all: {{ .Values.all | toJson | quote }}}\n"
    rendered = render(ask("web"), chart(templates__a=template, values=f"all:\n{text}"))
    theirs = json.loads(rendered.manifests[0].obj["data"]["all"], parse_int=number)
    assert [plain(word) for word in words] == theirs


def test_a_comma_in_the_name_of_a_values_file_names_no_second_file(render: Render, repository: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("token: of-this-machine\n")
    files = chart(templates__a=VALUES) | {"web/a,b": "given: by link\n", "web/v": "{}\n", f"web/v,{outside}": "given: 2\n"}
    put(repository, {"web/Chart.yaml": CHART})
    (repository / "web/one.yaml").symlink_to("a,b")
    (repository / "web/two.yaml").symlink_to(f"v,{outside}")

    (first,) = render(ask("web", helm={"valuesFiles": ["one.yaml"]}), files).manifests
    (second,) = render(ask("web", helm={"valuesFiles": ["two.yaml"]}), files).manifests

    assert json.loads(first.obj["data"]["values"]) == {"given": "by link"}
    assert json.loads(second.obj["data"]["values"]) == {"given": 2}


def test_an_error_names_the_values_file_of_the_repository(refusal: Refusal) -> None:
    files = chart(templates__a=VALUES, broken="a: [\n")
    assert "web/broken.yaml" in refusal(ask("web", helm={"valuesFiles": ["broken.yaml"]}), files).message


def test_a_table_in_the_chart_that_a_value_replaces_is_not_quoted(render: Render) -> None:
    files = chart(templates__a=config_map(), values="app: {db: {dsn: hunter22-dsn, password: hunter22-word}}\n")

    rendered = render(ask("web", helm={"values": {"app": {"db": "url"}}}), files)

    assert [warning for warning in rendered.warnings if "web.app.db" in warning]
    assert "hunter22" not in str(rendered.warnings)


CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
"""


def definitions(rendered: Rendered) -> list[dict[str, str] | None]:
    return [
        manifest.obj["metadata"].get("annotations")
        for manifest in rendered.manifests
        if manifest.key.kind == "CustomResourceDefinition"
    ]


def test_crds_are_applied_created_only_or_left_out(render: Render) -> None:
    files = chart(templates__a=config_map()) | {
        "web/crds/things.yaml": CRD,
        "web/templates/crds/b.yaml": CRD.replace("s.", "z."),
    }
    files |= {"web/charts/sub/Chart.yaml": CHART.replace("web", "sub"), "web/charts/sub/crds/c.yaml": CRD.replace("s.", "y.")}
    once = {"gitops-agent.dev/apply": "create-only", "gitops-agent.dev/prune": "disabled"}
    assert definitions(render(ask("web"), files)) == [None, None, None]
    assert definitions(render(ask("web", helm={"crds": "apply"}), files)) == [None, None, None]
    assert definitions(render(ask("web", helm={"crds": "create-only"}), files)) == [once, once, None]
    assert definitions(render(ask("web", helm={"crds": "skip"}), files)) == [None]
    assert definitions(render(ask("web", helm={"skipCRDs": True}), files)) == [None]


def test_a_values_file_may_be_missing_where_the_spec_says_so(render: Render) -> None:
    options = {"valuesFiles": ["all.yaml", "prod.yaml"], "ignoreMissingValuesFiles": True}
    rendered = render(ask("web", helm=options), chart(templates__a=VALUES, all="a: 1\n"))
    assert json.loads(rendered.manifests[0].obj["data"]["values"]) == {"a": 1}
    assert ("web/prod.yaml", None) in rendered.closure.entries


def test_the_check_against_the_schema_can_be_left_out(render: Render, refusal: Refusal) -> None:
    files = chart(templates__a=VALUES) | {"web/values.schema.json": '{"type": "object", "required": ["a"]}'}
    assert "missing property 'a'" in refusal(ask("web"), files).message
    assert render(ask("web", helm={"skipSchemaValidation": True}), files).manifests


def test_tests_of_a_chart_are_left_out_or_run_after_a_sync(render: Render) -> None:
    hook = "apiVersion: v1\nkind: Pod\nmetadata: {name: smoke, annotations: {helm.sh/hook: test}}\n"
    files = chart(templates__a=config_map(), templates__tests__b=hook)
    assert names(render(ask("web"), files)) == ["ConfigMap/settings"]
    rendered = render(ask("web", helm={"tests": "after-sync"}), files)
    (smoke,) = [manifest for manifest in rendered.manifests if manifest.key.kind == "Pod"]
    assert smoke.obj["metadata"]["annotations"] == {"helm.sh/hook": "test", "gitops-agent.dev/hook": "post-sync"}
