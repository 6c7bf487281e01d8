from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gitops_agent.manifest.manifest import Manifest
from gitops_agent.render.generated_values import marked
from gitops_agent.render.renderer import Rendered
from tests.render.samples import CHART, ask

Render = Callable[..., Rendered]


def pair(first: dict[str, Any], other: dict[str, Any], *names: str) -> tuple[list[tuple[str, ...]], list[str]]:
    """The generated fields of objects with two contents, and the warnings."""
    contents = []
    for body in (first, other):
        objects = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in (*names, "a")]
        objects[-1] |= body
        contents.append([Manifest.of(obj) for obj in objects])
    manifests, warnings = marked(*contents)
    return [manifest.generated for manifest in manifests], warnings


def env(**values: str) -> dict[str, Any]:
    return {"env": [{"name": name, "value": value} for name, value in values.items()]}


@pytest.mark.parametrize(
    ("first", "other", "paths"),
    [
        ({"data": {"a": "1", "b": "2"}}, {"data": {"a": "1", "b": "3"}}, ("/data/b",)),
        ({"data": {"a/b": 1}}, {"data": {"a/b": 2}}, ("/data/a~1b",)),
        (env(A="1", B="2"), env(A="1", B="3"), ("/env/[name=B]/value",)),
        ({"args": ["a", "b"]}, {"args": ["a", "c"]}, ("/args/1",)),
        ({"data": {"a": "1"}}, {"data": {"a": "1"}}, ()),
    ],
)
def test_what_differs_is_generated(first: dict[str, Any], other: dict[str, Any], paths: tuple[str, ...]) -> None:
    assert pair(first, other) == ([paths], [])


@pytest.mark.parametrize(
    ("first", "other"),
    [
        ({"data": {"a": "1"}}, {"data": {"b": "1"}}),
        ({"args": ["a"]}, {"args": ["a", "b"]}),
        ({"data": {"a": "1"}}, {"data": {"a": {"b": "1"}}}),
        ({"args": [{"x": 1}]}, {"args": ["a"]}),
    ],
)
def test_an_object_of_another_shape_stays_as_rendered(first: dict[str, Any], other: dict[str, Any]) -> None:
    paths, warnings = pair(first, other)
    assert paths == [()]
    assert warnings == ["ConfigMap:a: a name, key or list differs in each render, so it is applied anew each time"]


def test_what_names_an_object_with_another_name_stays_as_rendered() -> None:
    def render(suffix: str) -> list[Manifest]:
        names = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"job-{suffix}"}}
        uses = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "a"},
            "data": {"ref": f"job-{suffix}", "own": suffix},
        }
        return [Manifest.of(obj) for obj in (names, uses)]

    manifests, warnings = marked(render("one"), render("two"))
    assert [manifest.generated for manifest in manifests] == [(), ("/data/own",)]
    assert len(warnings) == 1


def test_a_chart_is_rendered_twice_and_its_inputs_are_not_generated(render: Render) -> None:
    template = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: %s, b: {{ .Values.b }}, at: '{{ now | unixEpoch }}'}\n"
    )
    files = {"web/Chart.yaml": CHART, "web/values.yaml": "b: one\n", "web/templates/a.yaml": template % "{{ randAlphaNum 9 }}"}
    first, second = render(ask("web"), files), render(ask("web"), files)
    assert first.manifests[0].generated == ("/data/a", "/data/at")
    assert first.digest == second.digest
    assert first.manifests[0].obj != second.manifests[0].obj
    assert first.warnings == ()

    options = {"generated": "render"}
    (warning,) = render(ask("web", helm=options)).warnings
    assert warning.startswith("web/templates/a.yaml uses randAlphaNum")
    assert render(ask("web", helm=options)).digest != render(ask("web", helm=options)).digest
