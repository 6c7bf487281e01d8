from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.render.variables.evaluation import LARGEST, Evaluated, Evaluator, inferred
from gitops_agent.render.variables.expression import parse
from gitops_agent.render.variables.variable import Value, Variable
from tests.render.variables.expressions import EXPRESSIONS, VARIABLES
from tests.render.variables.flux_expressions import FLUX

SAMPLES = {name: Variable(name=name, value=value, source="ConfigMap samples") for name, value in VARIABLES.items()}


def evaluate(text: str, *, flux: bool = False, empty: bool = False) -> Evaluated:
    return Evaluator(SAMPLES, flux=flux, empty=empty).evaluate(parse(text, flux=flux))


def value(text: str, *, flux: bool = False) -> Value | None:
    """As in the table of expressions."""
    result = evaluate(text, flux=flux)
    if result.problems:
        return None
    return f"?{','.join(result.missing)}" if result.missing else result.value


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_has_its_value(text: str) -> None:
    assert value(text) == EXPRESSIONS[text]


LAZY = ("${word:-${nothing2}}", "${word:=${nothing2}}", "${word=${nothing2}}")
"""Defaults that are not needed and that Flux misses all the same."""


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_what_flux_makes_of_an_expression_is_made_or_refused(text: str) -> None:
    mine, theirs = value(text, flux=True), FLUX.get(text, EXPRESSIONS[text])
    if theirs is None or mine is None or text in LAZY:
        return
    assert mine == theirs or (str(mine)[:1], theirs[:1]) == ("?", "?")


def test_most_of_what_flux_takes_is_taken_in_its_way() -> None:
    taken = [text for text in EXPRESSIONS if FLUX.get(text, EXPRESSIONS[text]) is not None]
    refused = [text for text in taken if value(text, flux=True) is None]

    assert (len(EXPRESSIONS), len(taken), len(refused)) == (395, 331, 18)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${word", "has no closing brace"),
        ("${word:-" + "x" * 5000 + "}", "has more than 4096 characters"),
        ("${}", "has no name of a variable after `${`"),
        ("${#}", "has no name of a variable after `${#`"),
        ("${word.x}", "holds '.' where its closing brace or an operator should be"),
        ("${word:?x}", "uses `:?`, which is no operator here"),
        ("${word/abc}", "replaces a text, but has no second slash before its new text"),
        ("${word:x}", "has an offset or length that is no number (a default is written `:-`)"),
        ("${word:0:-1}", "has a negative length"),
        ("${word#[}", "has a pattern that opens a bracket that is never closed"),
        ("${a:-" * 9 + "x" + "}" * 9, "nests more than 8 levels"),
    ],
)
def test_a_malformed_expression_says_why(text: str, problem: str) -> None:
    assert [words for _, words in evaluate(text).problems] == [problem]


def test_eight_levels_are_taken() -> None:
    assert value("${a:-" * 8 + "x" + "}" * 8) == "x"


def test_names_are_remembered_though_their_default_is_used() -> None:
    evaluator = Evaluator(SAMPLES)
    evaluator.evaluate(parse("${word:-${never}} ${nothing:-${one}} $${escaped}"))

    assert evaluator.used == {"word", "nothing", "one"}


@pytest.mark.parametrize(
    ("text", "result"), [("<${nothing}>", "<>"), ("${#nothing}", "0"), ("${nothing^^}x", "x"), ("${nothing/a/b}", "")]
)
def test_what_is_undefined_may_count_as_empty(text: str, result: str) -> None:
    assert evaluate(text, empty=True).value == result


@pytest.mark.parametrize(
    "text", ["${word//b/${word}}", "${word}" * 500, "${nothing:-" + "${word}" * 500 + "}"], ids=["replace", "join", "default"]
)
def test_a_value_is_not_larger_than_the_limit(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert LARGEST > 1000
    monkeypatch.setattr("gitops_agent.render.variables.evaluation.LARGEST", 40)

    assert "makes a text of more than 40 characters" in evaluate(text).problems[0][1]


@pytest.mark.parametrize(
    ("text", "result"),
    [("0", 0), ("-7", -7), ("123456789012345678", 123456789012345678), ("true", True), ("false", False)],
)
def test_what_reads_as_a_number_or_boolean_is_one(text: str, result: Value) -> None:
    assert inferred(text) == result
    assert type(inferred(text)) is type(result)


@pytest.mark.parametrize(
    "text", ["", "007", "-0", "+1", "1.0", "1e3", "0x1f", "1_000", "True", "yes", "null", "~", " 1", "1 ", "٣"]
)
def test_what_may_mean_something_else_stays_text(text: str) -> None:
    assert inferred(text) == text


@given(st.text(alphabet="${}ab:-=/#%^,*?[]\\ 1", max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    for flux in (False, True):
        evaluate(text, flux=flux)


@given(st.text(max_size=40).filter(lambda text: "${" not in text))
def test_text_without_expressions_is_itself(text: str) -> None:
    assert value(text) == text


@pytest.mark.parametrize("change", [str.upper, str.lower])
@given(text=st.text(alphabet="aäßÀǅ ", max_size=10))
def test_case_changes_keep_the_length(change: Callable[[str], str], text: str) -> None:
    operator = "^^" if change is str.upper else ",,"
    variables = {"x": Variable(name="x", value=text, source="spec")}
    result = Evaluator(variables).evaluate(parse(f"<${{x{operator}}}>"))

    assert len(str(result.value)) == len(text) + 2
