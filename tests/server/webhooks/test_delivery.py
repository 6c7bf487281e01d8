from __future__ import annotations

from gitops_agent.server.webhooks.delivery import Push, at, hmac_matches, pushed, secret_matches, text
from tests.server.webhooks.deliveries import SECRET, hexadecimal


def test_any_of_the_current_secrets_proves_the_sender() -> None:
    assert hmac_matches([b"old", SECRET], b"body", hexadecimal(b"body"))
    assert hmac_matches([SECRET], b"body", hexadecimal(b"body").upper())
    assert not hmac_matches([b"old"], b"body", hexadecimal(b"body"))
    assert not hmac_matches([], b"body", hexadecimal(b"body"))
    assert not hmac_matches([SECRET], b"body", "é")
    assert secret_matches([b"old", SECRET], "s3cret")
    assert not secret_matches([], "")


def test_a_path_that_is_missing_or_of_another_type_is_nothing() -> None:
    document = {"a": [{"b": "c"}], "long": "x" * 5000}

    assert at(document, "a", 0, "b") == "c"
    assert at(document, "a", 1, "b") is None
    assert at(document, "a", "b") is None
    assert at(document, "a", 0, "b", "c") is None
    assert text(document, "a") == ""
    assert text(document, "long") == ""


def test_a_push_names_each_address_once_and_no_reference_that_is_gone() -> None:
    assert pushed(["u", "", "u", "v"], [("refs/heads/main", "a1"), ("refs/heads/gone", "0" * 40), ("", "b2")]) == Push(
        urls=("u", "v"), tips=(("refs/heads/main", "a1"),)
    )
    assert pushed(["", ""]) is None
