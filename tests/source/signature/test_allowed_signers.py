from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitops_agent.source.signature.allowed_signers import allowed_signers, key_of

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKzcYKI0PsMlpAOb6EePmDKKqIzr0rMMJ1bQsGvpiEnx"


def test_a_line_is_a_key_with_its_conditions() -> None:
    options = 'namespaces="git,file",valid-after="20250101",valid-before="202601011230Z"'

    (signer,) = allowed_signers(f"# who may\n\na@example.com,b@example.com {options} {ED25519} comment\n")

    assert (signer.line, signer.principals, signer.type) == (3, "a@example.com,b@example.com", "ssh-ed25519")
    assert (signer.valid_after, signer.valid_before) == (
        datetime(2025, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, 12, 30, tzinfo=UTC),
    )
    assert (signer.for_git, signer.authority) == (True, False)


def test_an_authority_and_another_purpose_are_seen() -> None:
    authority, files = allowed_signers(f'* cert-authority {ED25519}\n"a b" namespaces="file" {ED25519}\n')

    assert (authority.authority, authority.for_git) == (True, True)
    assert (files.principals, files.for_git) == ("a b", False)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("a ssh-dss AAAA", 'line 1: no key type "ssh-dss" any more'),
        ("a ssh-odd AAAA", 'line 1: no key type "ssh-odd"'),
        ("a", "line 1: a line needs principals, a key type and a key"),
        (f"a expires=1 {ED25519}", 'line 1: unknown option "expires=1"'),
        (f'a valid-before="soon" {ED25519}', 'line 1: "soon" is not a date such as'),
        (f'a valid-before="20261301" {ED25519}', 'line 1: "20261301" is not a date'),
        ("a ssh-ed25519 !!!!", "line 1: the key is not base64"),
        (f"a ssh-rsa {ED25519.split()[1]}", "line 1: the key is not of the type ssh-rsa"),
    ],
)
def test_a_line_that_would_be_skipped_is_an_error(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match="line 1") as refusal:
        list(allowed_signers(line))

    assert problem in str(refusal.value)


def test_a_public_key_is_read_without_its_comment() -> None:
    assert " ".join(key_of(f"{ED25519} ada@desk")) == ED25519
    with pytest.raises(ValueError, match="not a public key"):
        key_of("hello")
