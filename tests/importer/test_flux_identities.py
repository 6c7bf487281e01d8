from __future__ import annotations

import pytest

from gitops_agent.importer.flux_identities import identities
from gitops_agent.manifest.key import Object

ISSUER = "https://token.actions.githubusercontent.com"


def read(subject: str, issuer: str = rf"^{ISSUER}$") -> list[Object] | None:
    return identities({"matchOIDCIdentity": [{"issuer": issuer, "subject": subject}]})


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (r"^https://github\.com/acme/app/x@refs/heads/main$", {"subject": "https://github.com/acme/app/x@refs/heads/main"}),
        (r"^https://github\.com/acme/app.*$", {"subjectPattern": "https://github.com/acme/app**"}),
        (r"^https://github.com/acme/app", {"subjectPattern": "https://github.com/acme/app**"}),
        (r"https://github.com/acme/[^/]+/x@.+", {"subjectPattern": "https://github.com/acme/*/x@**"}),
        (r"^.*@example\.com$", {"subjectPattern": "**@example.com"}),
        (r"^ada@example.com$", {"subject": "ada@example.com"}),
    ],
)
def test_an_expression_becomes_a_text_or_a_pattern(subject: str, expected: Object) -> None:
    assert read(subject) == [{"issuer": ISSUER, **expected}]


@pytest.mark.parametrize(
    ("subject", "issuer"),
    [
        (".*", ISSUER),
        ("", ISSUER),
        ("ada@example.com", ISSUER),
        ("^https://(github|gitlab).com/acme$", ISSUER),
        (r"^https://\w+/acme$", ISSUER),
        ("^https://.*/acme$", ISSUER),
        ("^ada@example.com$", ".*"),
        ("^ada@example.com$", "https://.*.example.com"),
    ],
)
def test_an_expression_without_equivalent_is_not_translated(subject: str, issuer: str) -> None:
    assert read(subject, issuer) is None


def test_one_expression_without_equivalent_is_none_of_all() -> None:
    good = {"issuer": ISSUER, "subject": "^ada@example.com$"}

    assert identities({"matchOIDCIdentity": [good, {"issuer": ISSUER, "subject": ".*"}]}) is None
    assert identities({}) is None
