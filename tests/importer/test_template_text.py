from __future__ import annotations

import pytest

from gitops_agent.importer.template_text import TemplateNotRead, go, normalised, rendered, simple

NESTED = {"name": "Web", "path": {"path": "apps/web", "segments": ["apps", "web"]}, "on": True, "empty": ""}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("{{ .name }}-prod", "Web-prod"),
        ("{{.path.path}}", "apps/web"),
        ("{{ index .path.segments 1 }}", "web"),
        ("{{ .name | lower }}", "web"),
        ('{{ .gone | default "x" }}', "x"),
        ('{{ default "x" .gone }}', "x"),
        ('{{ default "x" .empty }}', "x"),
        ('{{ .name | replace "W" "w" | trunc 2 }}', "we"),
        ("{{ (index .path.segments 0) | upper }}", "APPS"),
        ("{{ .on }}", "true"),
        ("a {{- .name -}} b", "aWebb"),
        ("a {{ .name }} b", "a Web b"),
        ('{{ .path.path | splitList "/" | last }}', "web"),
        ('{{ trimPrefix "W" .name | quote }}', '"eb"'),
        ("{{ normalize .name }}", "web"),
    ],
)
def test_an_action_of_go_becomes_its_value(text: str, result: str) -> None:
    assert go(text, NESTED) == result


@pytest.mark.parametrize(
    "text",
    [
        "{{ if .on }}x{{ end }}",
        "{{ range .path.segments }}x{{ end }}",
        "{{ .gone }}",
        '{{ env "HOME" }}',
        "{{ index .path.segments 9 }}",
        "{{ }}",
        "{{ .name .name }}",
        "{{ (.name }}",
        "{{ .name | }}",
    ],
)
def test_an_action_with_another_meaning_is_not_read(text: str) -> None:
    with pytest.raises(TemplateNotRead):
        go(text, NESTED)


def test_a_simple_parameter_is_replaced_by_its_flat_name() -> None:
    assert simple("{{ path.basename }}/{{path[0]}}", {"path.basename": "web", "path[0]": "apps"}) == "web/apps"
    with pytest.raises(TemplateNotRead, match="gone"):
        simple("{{gone}}", {})


def test_every_text_and_key_of_a_template_is_replaced() -> None:
    value = {"{{name}}": ["{{name}}", 3, {"a": "plain"}]}

    assert rendered(value, lambda text: simple(text, {"name": "web"})) == {"web": ["web", 3, {"a": "plain"}]}


def test_a_name_is_made_of_any_text() -> None:
    assert normalised("Apps/Web_1!") == "apps-web-1"
