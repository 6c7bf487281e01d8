from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops_agent.observe.redaction import scrub, scrub_output


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("dial postgres://shop:hunter22@db:5432/x", "dial postgres://***@db:5432/x"),
        ("Authorization: Bearer abcdefghij.klm", "Authorization: Bearer ***"),
        ("DB_PASSWORD=hunter22 next", "DB_PASSWORD=*** next"),
        ('{"api_key": "abc def", "x": 1}', '{"api_key": ***, "x": 1}'),
        ("used ghp_abcdefghij0123456789 here", "used *** here"),
        ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "jwt ***"),
        ("key AKIAABCDEFGHIJKLMNOP", "key ***"),
        ("POST https://hooks.slack.com/services/T0/B0/xyz failed", "POST https://hooks.slack.com/*** failed"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "***"),
        ("private_key: -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- next", "private_key: *** next"),
        ("Secret:shop/db: data.user was changed", "Secret:shop/db: data.user was changed"),
        ("Secret:Shop/db+x", "Secret:***"),
        ("DB_Secret:shop/db", "DB_Secret:***"),
        ("nothing to hide: 3 pods of shop/web", "nothing to hide: 3 pods of shop/web"),
        ('secret "db" not found', 'secret "db" not found'),
    ],
)
def test_what_looks_like_a_credential_goes(text: str, clean: str) -> None:
    assert scrub(text) == clean


@given(before=st.text(max_size=40), after=st.text(max_size=40))
def test_a_password_in_a_url_goes_whatever_stands_around_it(before: str, after: str) -> None:
    assert "hunter22hunter22" not in scrub(f"{before} https://me:hunter22hunter22@host/{after}")


@given(text=st.text(max_size=200))
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    assert scrub(scrub(text)) == scrub(text)


@pytest.mark.parametrize(
    ("line", "clean"),
    [
        ("refused 9f8d7c6b5a4f3e2d1c0b9a8f7e6d", "refused ***"),
        ("key wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY: denied", "key ***: denied"),
        ("DB_PASSWORD=hunter22", "DB_PASSWORD=***"),
        ("panic: open /etc/app/config.yaml: no such file", "panic: open /etc/app/config.yaml: no such file"),
        (
            "java.lang.IllegalStateException at com.example.shop.Checkout",
            "java.lang.IllegalStateException at com.example.shop.Checkout",
        ),
        ("request 7d9f3c1e-1b2c-4d5e-8f90-a1b2c3d4e5f6 failed", "request 7d9f3c1e-1b2c-4d5e-8f90-a1b2c3d4e5f6 failed"),
    ],
)
def test_long_random_words_of_a_program_go_too(line: str, clean: str) -> None:
    assert scrub_output(line) == clean
