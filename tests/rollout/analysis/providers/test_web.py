from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.rollout.analysis.http_query import MeasurementFailed, QueryInvalid
from gitops_agent.rollout.analysis.providers.web import page, result


def test_a_get() -> None:
    query = page("https://judge.example/score?app=web", headers={"X-Key": "k"})

    assert (query.method, query.body) == ("GET", b"")
    assert query.headers == {"Accept": "application/json", "X-Key": "k"}


def test_a_post_carries_json() -> None:
    query = page("https://judge.example/score", method="POST", body={"app": "web"})

    assert query.body == b'{"app":"web"}'
    assert query.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("url", "method", "body"),
    [
        ("judge.example", "GET", None),
        ("https://u:p@judge.example", "GET", None),
        ("https://judge.example/#x", "GET", None),
        ("https://judge.example/?a= b", "GET", None),
        ("https://judge.example", "DELETE", None),
        ("https://judge.example", "GET", {}),
    ],
)
def test_what_cannot_be_asked_is_refused(url: str, method: str, body: Any) -> None:
    with pytest.raises(QueryInvalid):
        page(url, method=method, body=body)


def test_the_result_lies_at_the_path() -> None:
    assert result(200, b'{"data":{"ok":true}}', path="$.data.ok") is True
    assert result(200, b"0.5") == 0.5
    assert result(200, b"{}", path="/data") is None
    with pytest.raises(MeasurementFailed):
        result(500, b"")
