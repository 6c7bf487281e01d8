from __future__ import annotations

from pathlib import Path

import pytest

from gitops_agent.render.chart import Chart, read_chart
from gitops_agent.render.inputs import Inputs
from gitops_agent.render.renderer import RenderLimits
from gitops_agent.render.worktree import WorkTree
from tests.render.samples import CHART, put


def chart(repository: Path, *templates: str) -> Chart:
    files = {f"web/templates/{number}.yaml": text for number, text in enumerate(templates)}
    put(repository, {"web/Chart.yaml": CHART, **files})
    return read_chart(Inputs(WorkTree(repository), RenderLimits()), "web")


@pytest.mark.parametrize(
    "template",
    [
        '{{ lookup "v1" "Secret" "ns" "x" }}',
        '{{- $x := (lookup "v1" "Secret" "ns" "x") -}}',
        "{{ randAlphaNum 10 | b64enc }}",
        '{{ $ca := genCA "x" 365 }}',
        "{{ uuidv4 }}",
        '{{ now | date "2006" }}',
        '{{ htpasswd "a" "b" }}',
        '{{ if .Values.x }}\n{{ printf "%s" (randBytes 3) }}{{ end }}',
    ],
)
def test_what_comes_out_differently_every_time_is_warned_about(repository: Path, template: str) -> None:
    (warning,) = chart(repository, template).warnings
    assert warning.startswith("web/templates/0.yaml uses ")


@pytest.mark.parametrize(
    "template",
    [
        "{{/* lookup and randAlphaNum and now */}}",
        '{{ print "lookup now" }}',
        "lookup: now",
        "{{ .Values.now }} {{ .Values.lookup }} {{ $now }}",
        "{{ include `lookup` . }}",
        "{{ knows }}{{ lookups }}",
        '{{ print "}} {{ now" }}',
        '{{ print "\\" now" }}',
    ],
)
def test_words_that_only_look_like_it_are_not(repository: Path, template: str) -> None:
    assert chart(repository, template).warnings == []


def test_each_kind_of_warning_is_given_once(repository: Path) -> None:
    warnings = chart(repository, "{{ now }}", "{{ uuidv4 }}", "{{ lookup }}", "{{ lookup }}").warnings
    assert [warning.split(" uses ")[0] for warning in warnings] == ["web/templates/0.yaml", "web/templates/2.yaml"]


def test_tests_of_the_chart_are_ignored(repository: Path) -> None:
    put(repository, {"web/templates/tests/a.yaml": "{{ randAlphaNum 5 }}"})
    assert chart(repository).warnings == []


SCHEMA = '{"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": %s}}'


@pytest.mark.parametrize(
    ("schema", "fetched"),
    [
        ('{"$ref": "#/definitions/x"}', False),
        ('{"$ref": "http://127.0.0.1:1/x"}', True),
        ('{"$schema": "http://127.0.0.1:1/x"}', True),
        ('{"$id": "http://127.0.0.1:1/x"}', False),
        ('{"$id": "http://127.0.0.1:1/x", "$ref": "leaf.json"}', True),
        ('{"$id": "http://127.0.0.1:1/x", "$ref": "#/a"}', False),
        ('{"$ref": "a", "$ref": "http://127.0.0.1:1/x"}', True),
    ],
)
def test_a_schema_that_refers_to_an_address_is_not_used(repository: Path, schema: str, *, fetched: bool) -> None:
    put(repository, {"web/values.schema.json": SCHEMA % schema})
    assert chart(repository).skip_schema is fetched
