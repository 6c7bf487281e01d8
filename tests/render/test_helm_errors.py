from __future__ import annotations

from collections.abc import Callable

import pytest

from gitops_agent.errors import RenderError
from tests.render.samples import ask

Refusal = Callable[..., RenderError]

CHART = "apiVersion: v2\nname: x\nversion: 0.1.0\n"
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n"
SCHEMA = '{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"replicas": {"type": "integer"}}}'


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"templates/a.yaml": HEAD + "  name: {{ } }}\n"}, "(apps/web/templates/a.yaml:4)"),
        (
            {"templates/a.yaml": HEAD + '  name: {{ required "a host is required" .Values.host }}\n'},
            "(apps/web/templates/a.yaml:4:11)",
        ),
        (
            {"templates/a.yaml": HEAD + "  name: {{ .Values.image.tag }}\n", "values.yaml": "a: 1\n"},
            ": .Values.image is set neither in apps/web/values.yaml nor in spec.render.helm.values",
        ),
        (
            {"templates/a.yaml": HEAD + "  name: {{ .Values.image.tag.x }}\n"},
            ": .Values.image is set neither in a values file nor in spec.render.helm.values",
        ),
        (
            {"templates/a.yaml": HEAD, "values.yaml": "a: 1\nb: [1\nc: {\n"},
            "apps/web/values.yaml, line 3: did not find expected ',' or ']' of the list that opens in line 2",
        ),
        (
            {"templates/a.yaml": HEAD + "  name: x\n  b: c: d\n"},
            (
                "apps/web/templates/a.yaml: line 5 of what it renders is not valid YAML: "
                "mapping values are not allowed in this context"
            ),
        ),
        (
            {"templates/a.yaml": HEAD, "values.yaml": "replicas: a\n", "values.schema.json": SCHEMA},
            "(the values come from apps/web/values.yaml)",
        ),
    ],
    ids=["syntax", "required", "nil", "nil below nil", "values", "output", "schema"],
)
def test_errors_of_helm_name_files_of_the_repository_and_what_to_do(
    refusal: Refusal, files: dict[str, str], message: str
) -> None:
    error = refusal(
        ask("apps/web"), {"apps/web/Chart.yaml": CHART} | {f"apps/web/{name}": text for name, text in files.items()}
    )

    assert message in error.message
    assert "x/templates" not in error.message


def test_every_source_of_values_is_named_that_a_schema_refuses(refusal: Refusal) -> None:
    files = {
        "web/Chart.yaml": CHART,
        "web/values.yaml": "replicas: 1\n",
        "web/prod.yaml": "a: 1\n",
        "web/values.schema.json": SCHEMA,
    }
    error = refusal(ask("web", helm={"valuesFiles": ["prod.yaml"], "values": {"replicas": "many"}}), files)

    assert error.message.endswith("(the values come from web/values.yaml and web/prod.yaml and spec.render.helm.values)")


def test_a_template_of_a_subchart_lies_below_its_chart(refusal: Refusal) -> None:
    files = {
        "web/Chart.yaml": CHART,
        "web/charts/part/Chart.yaml": CHART.replace("name: x", "name: part"),
        "web/charts/part/templates/b.yaml": "a: {{ .Values.q.z }}\n",
    }

    assert refusal(ask("web"), files).message.startswith("web/charts/part/templates/b.yaml:1:")
