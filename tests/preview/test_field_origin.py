"""Real renders in this process, of files as people write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.manifest.key import AppKey, ObjectKey
from gitops_agent.preview.field_origin import OriginFinder
from gitops_agent.render.renderer import Renderer
from gitops_agent.render.request import KubeFacts, Rendered, RenderRequest, rendered
from gitops_agent.render.variables.variable import Variable
from gitops_agent.render.worktree import WorkTree
from gitops_agent.revision.tree import Tree
from gitops_agent.toolchain.catalog import selected
from gitops_agent.toolchain.installer import Installer

WEB = ObjectKey("apps", "Deployment", "", "web")
BASE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: web
        image: registry.example.com/web:1.0
        env: [{name: LEVEL, value: info}]
"""
OVERLAY = """\
resources: [../base]
images:
- name: registry.example.com/web
  newTag: "1.7"
replicas:
- name: web
  count: 5
patches:
- patch: |-
    - {op: replace, path: /spec/template/spec/containers/0/env/0/value, value: debug}
  target: {kind: Deployment}
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: web}
    spec:
      minReadySeconds: 7
configMapGenerator:
- name: settings
  literals: [colour=red, size=small]
"""
TEMPLATE = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: {{ .Values.replicas }}
  template:
    spec:
      containers: [{name: web, image: "{{ .Values.image.name }}:{{ .Values.image.tag }}"}]
"""


def finding(
    root: Path, programs: dict[str, Path], files: dict[str, str], path: str, given: tuple[Variable, ...] = (), **options: Any
) -> OriginFinder:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    renderer = Renderer(scratch=root / "scratch", helm=programs["helm"], kustomize=programs["kustomize"])
    request = RenderRequest(
        application=AppKey("gitops-system", "shop"),
        path=path,
        options=RenderOptions.model_validate(options) if options else None,
        namespace="shop",
        facts=KubeFacts(),
        variables=given,
    )
    tree = WorkTree(root)

    def render(tree: Tree, request: RenderRequest) -> Rendered:
        return rendered(renderer.attempt(tree, request))

    return OriginFinder(tree, request, render(tree, request), render)


def origins(
    root: Path, programs: dict[str, Path], files: dict[str, str], path: str, field: str, **options: Any
) -> list[tuple[str, int, str]]:
    field_origins = finding(root, programs, files, path, **options).origins(WEB, field)
    return [(origin.file, origin.line, origin.path) for origin in field_origins]


@pytest.fixture(scope="session")
def programs() -> dict[str, Path]:
    """The real helm and kustomize."""
    return {name: program.path for name, program in Installer().ensure(selected(("helm", "kustomize"))).items()}


@pytest.fixture
def kustomized() -> dict[str, str]:
    return {"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": BASE, "prod/kustomization.yaml": OVERLAY}


def test_a_plain_file_is_named_with_its_line(tmp_path: Path, programs: dict[str, Path]) -> None:
    files = {"app/web.yaml": BASE}

    assert origins(tmp_path, programs, files, "app", "/spec/replicas") == [("app/web.yaml", 5, "/spec/replicas")]


@pytest.mark.parametrize(
    ("field", "places"),
    [
        ("/spec/replicas", [("prod/kustomization.yaml", 7, "/replicas/0/count")]),
        (
            "/spec/template/spec/containers/[name=web]/image",
            [("prod/kustomization.yaml", 4, "/images/0/newTag")],
        ),
        (
            "/spec/template/spec/containers/[name=web]/env/[name=LEVEL]/value",
            [("prod/kustomization.yaml", 10, "/patches/0/patch")],
        ),
        ("/spec/minReadySeconds", [("prod/kustomization.yaml", 17, "/patches/1/patch")]),
        ("/spec/template/spec/containers/[name=web]/name", [("base/web.yaml", 9, "/spec/template/spec/containers/0/name")]),
    ],
)
def test_an_overlay_is_named_where_it_decides(
    tmp_path: Path, programs: dict[str, Path], kustomized: dict[str, str], field: str, places: list[tuple[str, int, str]]
) -> None:
    assert origins(tmp_path, programs, kustomized, "prod", field) == places


def test_a_line_of_a_patch_is_shown(tmp_path: Path, programs: dict[str, Path], kustomized: dict[str, str]) -> None:
    [origin] = finding(tmp_path, programs, kustomized, "prod").origins(WEB, "/spec/minReadySeconds")

    assert origin.value == "minReadySeconds: 7"


def test_a_literal_of_a_generator_is_named(tmp_path: Path, programs: dict[str, Path], kustomized: dict[str, str]) -> None:
    finder = finding(tmp_path, programs, kustomized, "prod")
    [settings] = [manifest.key for manifest in finder._rendered.manifests if manifest.key.kind == "ConfigMap"]

    field_origins = finder.origins(settings, "/data/colour")

    assert [(origin.file, origin.line, origin.value) for origin in field_origins] == [
        ("prod/kustomization.yaml", 20, "colour=red")
    ]


def test_the_expression_of_a_variable_is_named(tmp_path: Path, programs: dict[str, Path]) -> None:
    files = {"app/web.yaml": BASE.replace("value: info", "value: '${LEVEL}'")}
    level = Variable(name="LEVEL", value="gold", source="ConfigMap site")
    finder = finding(tmp_path, programs, files, "app", given=(level,), variables={"values": {}})

    field_origins = finder.origins(WEB, "/spec/template/spec/containers/[name=web]/env/[name=LEVEL]/value")

    assert [(origin.file, origin.line, origin.value) for origin in field_origins] == [("app/web.yaml", 11, "${LEVEL}")]


@pytest.mark.parametrize(
    ("field", "places"),
    [
        ("/spec/replicas", [("app/prod.yaml", 1, "/replicas")]),
        (
            "/spec/template/spec/containers/[name=web]/image",
            [("", 0, "/helm/values/image/tag"), ("app/values.yaml", 2, "/image/name")],
        ),
    ],
)
def test_a_values_file_or_the_application_is_named(
    tmp_path: Path, programs: dict[str, Path], field: str, places: list[tuple[str, int, str]]
) -> None:
    files = {
        "app/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "app/values.yaml": "replicas: 1\nimage: {name: registry.example.com/web, tag: '1.0'}\n",
        "app/prod.yaml": "replicas: 4\n",
        "app/templates/web.yaml": TEMPLATE,
    }
    helm = {"valuesFiles": ["prod.yaml"], "values": {"image": {"tag": "2.0"}}}

    assert origins(tmp_path, programs, files, "app", field, helm=helm) == places


def test_an_object_is_made_from_its_document_and_the_patches_of_it(
    tmp_path: Path, programs: dict[str, Path], kustomized: dict[str, str]
) -> None:
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {paused: true}\n"
    files = {
        **kustomized,
        "prod/paused.yaml": patch,
        "prod/kustomization.yaml": OVERLAY.replace("patches:\n", "patches:\n- path: paused.yaml\n"),
    }

    finder = finding(tmp_path, programs, files, "prod")

    assert [(document.file, document.line, document.value) for document in finder.documents(WEB)] == [
        ("prod/paused.yaml", 3, "document 1"),
        ("base/web.yaml", 3, "document 1"),
    ]


def test_a_value_that_stands_nowhere_has_no_origin(tmp_path: Path, programs: dict[str, Path]) -> None:
    files = {
        "app/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
        "app/values.yaml": "image: {name: registry.example.com/web, tag: '1.0'}\n",
        "app/templates/web.yaml": TEMPLATE.replace("{{ .Values.replicas }}", "{{ add 3 4 }}"),
    }

    assert origins(tmp_path, programs, files, "app", "/spec/replicas") == []
