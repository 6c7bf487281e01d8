from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops_agent.errors import RenderError
from gitops_agent.render.renderer import Rendered
from tests.render.samples import ask, config_map, deployment

Render = Callable[..., Rendered]
Refusal = Callable[..., RenderError]

REPLACE = "{op: replace, path: /spec/foo/bar, value: 1}"
PAUSE = "{op: add, path: /spec/paused, value: true}"


def patched(target: str, operation: str = PAUSE, **more: str) -> dict[str, str]:
    """A kustomization with a patch for a target, and further lines."""
    lines = "".join(f"{name}: {value}\n" for name, value in more.items())
    text = f"resources: [web.yaml]\n{lines}patches:\n- target: {target}\n  patch: |\n    - {operation}\n"
    return {"app/kustomization.yaml": text, "app/web.yaml": deployment()}


def test_an_operation_that_does_not_apply_is_named_with_its_patch_and_target(refusal: Refusal) -> None:
    error = refusal(ask("app"), patched("{kind: Deployment, name: web}", REPLACE))

    assert error.message == (
        "app/kustomization.yaml: patches[0] (target Deployment web): replace operation does not apply: "
        "doc is missing path: /spec/foo/bar: missing value"
    )


def test_a_patch_of_a_base_is_named_where_it_stands(refusal: Refusal) -> None:
    files = patched("{kind: Deployment}", "{op: remove, path: /spec/foo}")
    files |= {"prod/kustomization.yaml": "resources: [../app]\n"}
    files["app/kustomization.yaml"] = "resources: [web.yaml]\npatches:\n- {path: p.yaml, target: {kind: Deployment}}\n"
    files["app/p.yaml"] = "- {op: remove, path: /spec/foo}\n"

    assert refusal(ask("prod"), files).message.startswith("app/kustomization.yaml: patches[0], p.yaml (target Deployment): ")


def test_an_unknown_field_gets_a_suggestion(refusal: Refusal) -> None:
    error = refusal(ask("app"), {"app/kustomization.yaml": "resourcez: [web.yaml]\n", "app/web.yaml": deployment()})

    assert error.message.endswith('unknown field "resourcez"; did you mean resources?')


def test_a_patch_that_matches_nothing_is_a_warning(render: Render) -> None:
    rendered = render(ask("app"), patched("{kind: Deployment, name: wbe}"))

    assert rendered.warnings == (
        "app/kustomization.yaml: patches[0] (target Deployment wbe): no object matches its target, so it changes nothing",
    )


def test_a_patch_of_the_application_that_matches_nothing_is_a_warning_too(render: Render) -> None:
    files = {"app/kustomization.yaml": "resources: [web.yaml]\n", "app/web.yaml": deployment()}
    patch = {"patch": f"- {PAUSE}\n", "target": {"kind": "StatefulSet"}}

    assert render(ask("app", kustomize={"patches": [patch]}), files).warnings == (
        "spec.render.kustomize: patches[0] (target StatefulSet): no object matches its target, so it changes nothing",
    )


@pytest.mark.parametrize(
    "files",
    [
        patched("{kind: Deployment, name: web}"),
        patched("{kind: Deployment, name: 'w.*'}"),
        patched("{kind: 'Deploy.*'}"),
        patched("{group: apps, version: v1, kind: Deployment}"),
        patched("{kind: Deployment, name: web}", namePrefix="my-", nameSuffix="-x"),
        patched("{labelSelector: app=web}"),
    ],
)
def test_a_patch_that_matches_or_may_match_is_no_warning(render: Render, files: dict[str, str]) -> None:
    assert render(ask("app"), files).warnings == ()


def test_a_patch_that_deletes_its_target_is_no_warning(render: Render) -> None:
    patch = "    $patch: delete\n    kind: ConfigMap\n    metadata: {name: x}\n"
    delete = f"- target: {{kind: ConfigMap, name: settings}}\n  patch: |\n{patch}"
    files = {
        "app/kustomization.yaml": f"resources: [web.yaml, settings.yaml]\npatches:\n{delete}",
        "app/web.yaml": deployment(),
        "app/settings.yaml": config_map(),
    }

    rendered = render(ask("app"), files)

    assert (len(rendered.manifests), rendered.warnings) == (1, ())
