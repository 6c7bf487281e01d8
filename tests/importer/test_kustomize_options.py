from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gitops_agent.api.render_options import RenderOptions
from gitops_agent.importer import kustomize_options
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.yaml import dump_all
from gitops_agent.render.request import KubeFacts, RenderRequest
from gitops_agent.render.worker.client import local_workers
from tests.importer.trees import tree

OBJECTS: tuple[Object, ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
    {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "labels": {"own": "yes"}}},
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "web", "image": "web:1"}]},
            },
        },
    },
    {"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "r"}, "spec": {"interval": "1m"}},
    {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "HelmRepository", "metadata": {"name": "r"}, "spec": {"url": "x"}},
)


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("web:2", {"name": "web", "newTag": "2"}),
        ("web=other:2", {"name": "web", "newName": "other", "newTag": "2"}),
        ("example.com:5000/web:2", {"name": "example.com:5000/web", "newTag": "2"}),
        ("example.com:5000/web", {"name": "example.com:5000/web"}),
        ("web@sha256:ab", {"name": "web", "digest": "sha256:ab"}),
    ],
)
def test_an_image_has_a_name_tag_and_digest(text: str, image: Object) -> None:
    assert kustomize_options.image(text) == image


def rendered(folder: Path, *patches: Object) -> dict[str, Any]:
    names = [f"{index}.yaml" for index in range(len(OBJECTS))]
    files = {name: dump_all([obj]) for name, obj in zip(names, OBJECTS, strict=True)}
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": names}
    files["kustomization.yaml"] = dump_all([kustomization])
    options = RenderOptions.model_validate({"kustomize": {"patches": list(patches)}})
    request = RenderRequest(
        application=AppKey("a", "b"), path=".", options=options, namespace="shop", facts=KubeFacts(), variables=()
    )
    with local_workers() as workers:
        manifests = workers.render(tree(folder, files), request).manifests
    return {manifest.obj["kind"]: manifest.obj for manifest in manifests}


@pytest.mark.slow
def test_patches_do_what_the_options_did(tmp_path: Path) -> None:
    patches = [
        kustomize_options.metadata_of_all({"labels": {"team": "shop"}, "annotations": {"owner": "ada"}}),
        kustomize_options.replicas("web", "3"),
        *map(kustomize_options.left_out, ("helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io", "image.toolkit.fluxcd.io")),
    ]

    objects = rendered(tmp_path, *patches)

    assert set(objects) == {"Namespace", "ConfigMap", "Deployment"}
    assert {obj["metadata"]["labels"]["team"] for obj in objects.values()} == {"shop"}
    assert {obj["metadata"]["annotations"]["owner"] for obj in objects.values()} == {"ada"}
    assert objects["ConfigMap"]["metadata"]["labels"] == {"own": "yes", "team": "shop"}
    assert objects["ConfigMap"]["metadata"]["name"] == "a"
    assert objects["Deployment"]["spec"]["replicas"] == 3
    assert objects["Deployment"]["spec"]["template"]["metadata"]["labels"] == {"app": "web"}
