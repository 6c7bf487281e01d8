from __future__ import annotations

import pytest

from gitops_agent.render.variables.variable import NAME, Value, Variable, fingerprint, uses_secrets


def variable(name: str, value: Value, *, secret: bool = False, literal: bool = False) -> Variable:
    return Variable(name=name, value=value, source="ConfigMap site", secret=secret, literal=literal)


def test_a_value_that_was_not_used_changes_no_fingerprint() -> None:
    before = [variable("CITY", "Bonn"), variable("SIZE", "3")]
    after = [variable("CITY", "Bonn"), variable("SIZE", "4"), variable("MORE", "x")]

    assert fingerprint(before, ["CITY"]) == fingerprint(after, ["CITY"])
    assert fingerprint(before, ["CITY", "SIZE"]) != fingerprint(after, ["CITY", "SIZE"])


def test_a_name_that_gets_its_first_value_changes_the_fingerprint() -> None:
    assert fingerprint([], ["CITY"]) != fingerprint([variable("CITY", "")], ["CITY"])


@pytest.mark.parametrize(("first", "other"), [("1", 1), ("true", True), (1, True)])
def test_values_of_another_type_are_others(first: Value, other: Value) -> None:
    assert fingerprint([variable("X", first)], ["X"]) != fingerprint([variable("X", other)], ["X"])


def test_nothing_used_has_an_empty_fingerprint() -> None:
    assert fingerprint([variable("CITY", "Bonn")], []) == ""


def test_a_secret_value_is_recognised_in_this_process_only() -> None:
    secret = variable("PASSWORD", "hunter22", secret=True)

    assert fingerprint([secret], ["PASSWORD"]) == fingerprint([secret], ["PASSWORD"])
    assert fingerprint([secret], ["PASSWORD"]) != fingerprint([variable("PASSWORD", "hunter23", secret=True)], ["PASSWORD"])
    assert fingerprint([secret], ["PASSWORD"]) != fingerprint([variable("PASSWORD", "hunter22")], ["PASSWORD"])


def test_whether_a_secret_was_used() -> None:
    variables = [variable("PASSWORD", "hunter22", secret=True), variable("CITY", "Bonn")]

    assert uses_secrets(variables, ["CITY", "PASSWORD"])
    assert not uses_secrets(variables, ["CITY"])


def test_a_value_is_not_shown() -> None:
    assert "hunter22" not in repr(variable("PASSWORD", "hunter22", secret=True))


@pytest.mark.parametrize(("value", "text"), [("x", "x"), (3, "3"), (True, "true"), (False, "false"), (-1, "-1")])
def test_a_value_inside_of_a_text(value: Value, text: str) -> None:
    assert variable("X", value).text == text


@pytest.mark.parametrize("name", ["A", "_", "cluster_env", "A1", "größe"])
def test_names_are_words(name: str) -> None:
    assert NAME.fullmatch(name)


@pytest.mark.parametrize("name", ["", "1a", "tls.crt", "a-b", "a b"])
def test_other_keys_are_no_names(name: str) -> None:
    assert not NAME.fullmatch(name)
