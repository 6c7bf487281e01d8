"""Patches and images over what a chart renders, by the real kustomize."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gitops_agent.errors import RenderError
from gitops_agent.manifest.key import Object
from gitops_agent.render.renderer import Rendered
from tests.render.samples import CHART, ask, config_map, deployment, names

Render = Callable[..., Rendered]
Refusal = Callable[..., RenderError]
FIELD = "spec.render.helm.postRender.kustomize"
FILES = {
    "web/Chart.yaml": CHART,
    "web/templates/web.yaml": deployment(image="example.com/web:{{ .Values.tag }}"),
    "web/templates/settings.yaml": config_map(mode="yes"),
    "web/values.yaml": "tag: '1'\n",
}


def patched(render: Render, *patches: Object, image: Object | None = None, files: Mapping[str, str] | None = None) -> Rendered:
    changes = {"patches": list(patches), "images": [image] if image else []}
    return render(ask("web", helm={"postRender": {"kustomize": changes}}), FILES | dict(files or {}))


def obj(rendered: Rendered, kind: str) -> Any:
    return next(manifest.obj for manifest in rendered.manifests if manifest.key.kind == kind)


def test_images_and_patches_change_what_the_chart_renders(render: Render) -> None:
    patch = {"patch": '[{"op": "add", "path": "/spec/replicas", "value": 3}]', "target": {"kind": "Deployment"}}

    rendered = patched(render, patch, image={"name": "example.com/web", "newTag": "2"})

    web = obj(rendered, "Deployment")
    assert web["spec"]["replicas"] == 3
    assert web["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/web:2"
    assert obj(rendered, "ConfigMap")["data"] == {"mode": "yes"}
    assert all("annotations" not in manifest.obj["metadata"] for manifest in rendered.manifests)
    assert {name for name, _ in rendered.tools} == {"helm", "kustomize"}


def test_objects_keep_the_templates_they_are_from(render: Render) -> None:
    rendered = patched(render, {"patch": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {mode: 'no'}\n"})

    places = {manifest.key.kind: manifest.file for manifest in rendered.manifests}
    assert places == {"Deployment": "web/templates/web.yaml", "ConfigMap": "web/templates/settings.yaml"}
    assert obj(rendered, "ConfigMap")["data"] == {"mode": "no"}


def test_a_patch_may_lie_in_a_file_and_delete_an_object(render: Render) -> None:
    body = "$patch: delete\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"

    rendered = patched(render, {"path": "drop.yaml"}, files={"web/drop.yaml": body})

    assert names(rendered) == ["Deployment/web"]
    assert "web/drop.yaml" in {path for path, _ in rendered.closure.entries}


def test_a_patch_without_an_object_is_a_warning(render: Render) -> None:
    patch = {"patch": '[{"op": "remove", "path": "/data"}]', "target": {"kind": "Secret", "name": "db"}}

    assert patched(render, patch).warnings == (
        f"{FIELD}: patches[0] (target Secret db): no object of the chart matches its target, so it changes nothing",
    )


def test_a_patch_that_does_not_apply_is_named(render: Render, refusal: Refusal) -> None:
    patch = {"patch": '[{"op": "remove", "path": "/spec/none"}]', "target": {"kind": "Deployment"}}
    error = refusal(ask("web", helm={"postRender": {"kustomize": {"patches": [patch]}}}), FILES)
    assert error.message.startswith(f"{FIELD}: patches[0] (target Deployment): ")

    missing = refusal(ask("web", helm={"postRender": {"kustomize": {"patches": [{"path": "none.yaml"}]}}}), FILES)
    assert missing.message == f"{FIELD}.patches: none.yaml is not a file of the revision"


def test_generated_values_stay_generated(render: Render) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: {{ randAlphaNum 12 }}}\n"
    patch = {"patch": '[{"op": "add", "path": "/metadata/labels", "value": {"team": "shop"}}]', "target": {"kind": "Secret"}}

    rendered = patched(render, patch, files={"web/templates/db.yaml": secret})

    manifest = next(manifest for manifest in rendered.manifests if manifest.key.kind == "Secret")
    assert manifest.generated == ("/stringData/password",)
    assert manifest.obj["metadata"]["labels"] == {"team": "shop"}


def test_names_and_references_to_them_change_with_the_namespace(render: Render) -> None:
    web = deployment().replace(
        "      containers:", "      volumes: [{name: s, configMap: {name: settings}}]\n      containers:"
    )
    files = FILES | {"web/templates/web.yaml": web}
    changes = {"namespace": "tools", "namePrefix": "blue-", "nameSuffix": "-v2"}

    rendered = render(ask("web", helm={"postRender": {"kustomize": changes}}), files)

    assert names(rendered) == ["ConfigMap/blue-settings-v2", "Deployment/blue-web-v2"]
    assert {manifest.obj["metadata"]["namespace"] for manifest in rendered.manifests} == {"tools"}
    assert obj(rendered, "Deployment")["spec"]["template"]["spec"]["volumes"][0]["configMap"] == {"name": "blue-settings-v2"}
    assert {manifest.file for manifest in rendered.manifests} == {"web/templates/web.yaml", "web/templates/settings.yaml"}
