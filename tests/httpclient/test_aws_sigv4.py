"""AWS Signature Version 4 against the vectors AWS publishes.

They are the `get-vanilla` family of its suite and the worked example of its documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from gitops_agent.httpclient.aws_sigv4 import AwsKeys, canonical_request, signed, signing_key
from gitops_agent.httpclient.message import Request

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
KEYS = AwsKeys(key_id="AKIDEXAMPLE", secret=SECRET)
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)


def asking(url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Request:
    return Request(method=method, url=url, headers=headers or {}, body=b"")


def signature(request: Request, service: str = "service", keys: AwsKeys = KEYS) -> str:
    return signed(request, keys, region="us-east-1", service=service, at=NOW).headers["Authorization"].rpartition("=")[2]


def test_the_plainest_request() -> None:
    request = signed(asking("https://example.amazonaws.com/"), KEYS, region="us-east-1", service="service", at=NOW)

    assert request.headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


def test_fields_are_sorted() -> None:
    request = asking("https://example.amazonaws.com/?Param2=value2&Param1=value1")

    assert signature(request) == "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"


def test_a_post() -> None:
    request = asking("https://example.amazonaws.com/", method="POST")

    assert signature(request) == "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"


def test_the_worked_example_of_the_documentation() -> None:
    request = asking(
        "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
        headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
    )

    assert signature(request, "iam") == "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"


def test_the_key_of_a_day() -> None:
    key = signing_key(SECRET, "20150830", "us-east-1", "iam").hex()

    assert key == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


def test_a_token_is_signed_with_the_rest() -> None:
    keys = AwsKeys(key_id="AKIDEXAMPLE", secret=SECRET, token="temporary")
    request = signed(asking("https://example.amazonaws.com/"), keys, region="us-east-1", service="service", at=NOW)

    assert request.headers["X-Amz-Security-Token"] == "temporary"
    assert "SignedHeaders=host;x-amz-date;x-amz-security-token" in request.headers["Authorization"]


def test_blanks_and_ports_have_one_spelling() -> None:
    request = signed(asking("http://localhost:4566/a%20b?q=x+y&e="), KEYS, region="us-east-1", service="service", at=NOW)

    assert request.headers["Host"] == "localhost:4566"
    assert canonical_request(request, {"A": " b   c "}).split("\n")[:4] == ["GET", "/a%20b", "e=&q=x%20y", "a:b c"]


def test_keys_do_not_show() -> None:
    assert "EXAMPLE" not in repr(KEYS)
