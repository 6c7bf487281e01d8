from __future__ import annotations

import contextlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.errors import AgentError
from gitops_agent.notify.template import OUTPUT_CHARACTERS, render
from tests.notify.builders import message


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ name }} is {{ event | lower }}", "shop is degraded"),
        ("{{ revision.short }} by {{ revision.author }}", "0123456789ab by Ada <ada@example.org>"),
        ("{% for key in objects %}- {{ key }}\n{% endfor %}", "- apps/Deployment:shop/web"),
        ("{% if severity == 'error' %}:fire:{% else %}ok{% endif %}", ":fire:"),
        ("{{ objects | join(', ') | truncate(8) }}", "apps/De…"),
        ("{{ name | truncate(4) }} {{ name | truncate(3) }}", "shop sh…"),
        ("{{ facts.plan | default('none') }}", "none"),
        ("{{ objects | length }} of {{ count }}", "1 of 1"),
        ("{% for key in objects %}{{ loop.index }}{% endfor %}", "1"),
        ("{{ message[:4] ~ '!' }}", "apps!"),
    ],
)
def test_a_template_prints_branches_loops_and_filters(source: str, text: str) -> None:
    assert render(source, message()) == text


@pytest.mark.parametrize(
    "source",
    [
        "{{ nothing }}",
        "{{ revision.nothing }}",
        "{{ name",
        "{% for %}",
        "{{ name | nosuchfilter }}",
        "{% set x = 1 %}",
        "{{ name.upper() }}",
        "{{ 'x' * 1000000000 }}",
        "{{ 2 ** 2 }}",
        "{% macro m() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{{ name.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ _budget }}",
        "{{ lipsum }}",
        "{% for a in objects recursive %}{{ a }}{% endfor %}",
        "{{ name | join(1) }}{{ count.x }}",
        "{% block b %}{% endblock %}",
    ],
)
def test_everything_else_is_refused_with_a_reason(source: str) -> None:
    with pytest.raises(AgentError) as caught:
        render(source, message())

    assert caught.value.reason == "TemplateFailed"
    assert "\n" not in caught.value.message


def test_a_refusal_names_the_line() -> None:
    with pytest.raises(AgentError, match=r"line 2: assign is not available"):
        render("fine\n{% set x = 1 %}", message())


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in message %}{% for b in message %}{% for c in message %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in message %}" + "x" * 1000 + "{% endfor %}",
        "{{ message | list | join(message) | list | join(message) }}",
        "{{ message | list | join(message) | length }}",
        "{{ " + "(" * 200 + "name" + ")" * 200 + " }}" + "{{ not " * 60 + "name" + " }}" * 60,
        "x" * 20_000,
        "{% if " + "not " * 100 + "name %}x{% endif %}",
    ],
)
def test_a_template_that_would_run_away_is_stopped_soon(source: str) -> None:
    started = time.monotonic()

    with pytest.raises(AgentError):
        render(source, message(message="word " * 180))

    assert time.monotonic() - started < 30


@pytest.mark.parametrize(("characters", "allowed"), [(99, True), (100, False)])
def test_loops_run_ten_thousand_rounds_together_and_no_more(characters: int, *, allowed: bool) -> None:
    source = "{% for a in message %}{% for b in message %}{% endfor %}{% endfor %}ok"

    with contextlib.nullcontext() if allowed else pytest.raises(AgentError, match="more than 10000 rounds"):
        assert render(source, message(message="x" * characters)) == "ok"


def test_credentials_do_not_leave_through_a_template() -> None:
    assert render("token=hunter22 {{ name }}", message()) == "token=*** shop"


@given(source=st.text(alphabet="{}%|.[]() abx_'~-0\n", max_size=60))
def test_any_text_renders_or_is_refused(source: str) -> None:
    text = ""
    with contextlib.suppress(AgentError):
        text = render(source, message())

    assert len(text) <= OUTPUT_CHARACTERS
