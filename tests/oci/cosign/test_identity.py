from __future__ import annotations

import pytest

from gitops_agent.oci.cosign.identity import CertificateIdentity, SignerIdentity, distinct

ISSUER = "https://token.actions.githubusercontent.com"
FLOW = "https://github.com/acme/charts/.github/workflows/release.yaml@refs/"


def fits(demanded: str, subject: str, *, pattern: bool = True, issuer: str = ISSUER) -> bool:
    identity = SignerIdentity(subject=demanded, issuer=ISSUER, pattern=pattern)
    return identity.fits(CertificateIdentity(subject=subject, issuer=issuer))


def test_an_identity_is_exact() -> None:
    assert fits(f"{FLOW}heads/main", f"{FLOW}heads/main", pattern=False)
    assert not fits(f"{FLOW}heads/main", f"{FLOW}heads/main2", pattern=False)
    assert not fits(f"{FLOW}*", f"{FLOW}main", pattern=False)
    assert not fits(f"{FLOW}heads/main", f"{FLOW}heads/main", pattern=False, issuer="https://gitlab.com")
    assert not fits("**", "x", issuer="https://gitlab.com")


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        (f"{FLOW}tags/v*", f"{FLOW}tags/v1.2", True),
        (f"{FLOW}tags/v*", f"{FLOW}tags/v", True),
        (f"{FLOW}tags/v*", f"{FLOW}tags/v1/x", False),
        (f"{FLOW}tags/v*", f"{FLOW}tags/1", False),
        (f"{FLOW}**", f"{FLOW}tags/v1/x", True),
        ("https://github.com/acme/*", "https://evil.example/https://github.com/acme/x", False),
        ("https://github.com/acme/*/y@z", "https://github.com/acme/x/y@z", True),
        ("https://github.com/acme/*/y@z", "https://github.com/acme/x/y@zz", False),
        ("https://github.com/acme.x/**", "https://github.com/acmexx/y", False),
        ("*@example.com", "ada@example.com", True),
        ("*@example.com", "ada@example.com.evil.org", False),
        ("a**b*c", "aXbXbXc", True),
        ("a***c", "a/c", True),
        ("a", "", False),
    ],
)
def test_a_pattern_fits_the_whole_subject(pattern: str, subject: str, *, expected: bool) -> None:
    assert fits(pattern, subject) is expected


def test_a_pattern_of_many_wildcards_costs_little() -> None:
    assert not fits("*a" * 250 + "b", "a" * 1024)


def who(name: str) -> CertificateIdentity:
    return CertificateIdentity(subject=name, issuer=ISSUER)


def whom(name: str) -> SignerIdentity:
    return SignerIdentity(subject=name, issuer=ISSUER)


@pytest.mark.parametrize(
    ("signers", "expected"),
    [
        ({}, 0),
        ({"a": "A"}, 1),
        ({"a": "A", "b": "B"}, 2),
        ({"a": "AB"}, 1),
        ({"a": "A", "b": "A"}, 1),
        ({"a": "AB", "b": "A"}, 2),
        ({"a": "A", "b": "AB"}, 2),
        ({"a": "A", "b": "A", "c": "BC"}, 2),
        ({"a": "AB", "b": "AC", "c": "A"}, 3),
    ],
)
def test_each_signer_and_each_demanded_identity_counts_once(signers: dict[str, str], expected: int) -> None:
    assert distinct({who(name): frozenset(map(whom, fitting)) for name, fitting in signers.items()}) == expected


def test_long_subjects_are_cut_in_messages() -> None:
    assert len(str(who("x" * 1024))) < 300
