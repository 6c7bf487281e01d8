from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.render.variables.expression import Call, Malformed, parse


def test_a_text_is_taken_apart() -> None:
    assert parse("a ${B} c$${D}") == ("a ", Call(name="B", source="${B}"), " c$", "{D}")


def test_an_expression_knows_how_it_is_written() -> None:
    (call,) = parse("${A:-x${B}y}")

    assert call == Call(name="A", operator=":-", arguments=(("x", Call(name="B", source="${B}"), "y"),), source="${A:-x${B}y}")


def test_what_is_malformed_is_shown_up_to_its_brace() -> None:
    assert parse("x ${a.b} ${C}") == (
        "x ",
        Malformed(source="${a.b}", problem="holds '.' where its closing brace or an operator should be"),
        "${",
        "a.b} ",
        Call(name="C", source="${C}"),
    )


def test_what_is_malformed_is_shown_up_to_the_end_of_its_line() -> None:
    (malformed, *_) = parse("${a\nb")

    assert malformed == Malformed(source="${a", problem="holds '\\n' where its closing brace or an operator should be")


@given(st.text(alphabet="${}ab:-", max_size=30))
def test_nothing_is_lost(text: str) -> None:
    parts = [part for part in parse(text) if not isinstance(part, Malformed)]

    assert "".join(part.source if isinstance(part, Call) else part for part in parts).replace("$", "") == text.replace("$", "")
