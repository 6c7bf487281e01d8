from __future__ import annotations

import math
from typing import Any

import pytest

from gitops_agent.rollout.analysis.http_query import (
    ANSWER_LIMIT,
    MeasurementFailed,
    Query,
    QueryInvalid,
    answered,
    base,
    number,
)


def test_the_text_of_a_query_shows_no_credential() -> None:
    query = Query(url="https://metrics.example/q?key=hidden", headers={"Authorization": "hidden"}, body=b"hidden")

    assert "hidden" not in repr(query) + str(query)
    assert str(query) == "GET https://metrics.example/q"


def test_an_address_loses_its_last_slash() -> None:
    assert base("http://prometheus:9090/prefix/") == "http://prometheus:9090/prefix"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "prometheus",
        "ftp://a",
        "http://",
        "http://user:word@a",
        "http://a?b=c",
        "http://a#b",
        "http://a b",
        "http://a:0",
        "http://[a",
    ],
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(QueryInvalid) as caught:
        base(address)

    assert "word" not in caught.value.message


@pytest.mark.parametrize(("status", "transient"), [(503, True), (429, True), (400, False), (401, False), (302, False)])
def test_no_success_says_whether_to_ask_again(status: int, transient: bool) -> None:  # noqa: FBT001
    with pytest.raises(MeasurementFailed, match=f"answered {status}$") as caught:
        answered(status, b"bad\nquery")

    assert caught.value.transient is transient


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b"1" * (ANSWER_LIMIT + 1)])
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    with pytest.raises(MeasurementFailed):
        answered(200, body)


@pytest.mark.parametrize(("value", "expected"), [(1, 1), ("0.5", 0.5), ("+Inf", math.inf), (2.5, 2.5)])
def test_numbers_are_read_from_text_too(value: Any, expected: float) -> None:
    assert number(value) == expected


def test_null_and_nan_are_no_numbers() -> None:
    assert math.isnan(number(None))
    assert math.isnan(number("NaN"))


@pytest.mark.parametrize("value", [True, "x", [], {}, 10**400])
def test_what_is_no_number_is_an_error(value: Any) -> None:
    with pytest.raises(MeasurementFailed):
        number(value)


def test_an_answer_that_is_no_json_says_its_status() -> None:
    with pytest.raises(MeasurementFailed, match=r"the provider's answer \(200\) is not JSON"):
        answered(200, b"<html>")


def test_the_text_of_a_query_names_the_port() -> None:
    assert str(Query(url="http://prometheus:9090/api/v1/query?query=up")) == "GET http://prometheus:9090/api/v1/query"
    assert str(Query(url="http://[::1]:9090/x", method="POST")) == "POST http://[::1]:9090/x"
