from __future__ import annotations

from typing import Any

import pytest

from gitops_agent.server.oidc.id_token import Expected, SignInFailed, verify
from tests.server.oidc import tokens

EXPECTED = Expected(issuer="https://login.example.com", client="dashboard", nonce="n-1", now=1_000_000)
CLAIMS: dict[str, Any] = {
    "iss": "https://login.example.com",
    "aud": "dashboard",
    "sub": "dana",
    "exp": 1_000_300,
    "iat": 999_990,
    "nonce": "n-1",
}


def keys() -> list[dict[str, Any]]:
    pss = {**tokens.public(tokens.rsa_key(), "pss"), "alg": "PS256"}
    return [tokens.public(tokens.rsa_key()), pss, tokens.public_ec(), {"kty": "oct", "kid": "one", "k": "c2VjcmV0"}]


def refused(token: str, expected: Expected = EXPECTED) -> str:
    with pytest.raises(SignInFailed) as caught:
        verify(token, keys(), expected)
    assert token[:40] not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("sign", [tokens.rs256, tokens.ps256, tokens.es256], ids=["RS256", "PS256", "ES256"])
def test_a_token_of_this_login_is_accepted(sign: Any) -> None:
    verify(sign(CLAIMS), keys(), EXPECTED)
    verify(sign({**CLAIMS, "aud": ["dashboard"], "azp": "dashboard"}), keys(), EXPECTED)


def test_a_token_without_a_key_name_is_verified_by_every_key() -> None:
    text = tokens.rs256(CLAIMS, kid="one")

    verify(text, [{**key, "kid": "renamed"} if key["kty"] == "EC" else key for key in keys()], EXPECTED)


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://login.example.com/"},
        {"iss": None},
        {"aud": "kubernetes"},
        {"aud": ["kubernetes", "other"]},
        {"aud": ["dashboard", "other"]},
        {"aud": None},
        {"aud": {"dashboard": 1}},
        {"azp": "other"},
        {"exp": 999_960},
        {"exp": "1000300"},
        {"exp": True},
        {"exp": None},
        {"iat": 1_000_100},
        {"nbf": 1_000_100},
        {"nonce": "n-2"},
        {"nonce": None},
        {"nonce": ["n-1"]},
    ],
    ids=str,
)
def test_a_claim_that_is_not_of_this_login_is_refused(changed: dict[str, Any]) -> None:
    refused(tokens.rs256({**CLAIMS, **changed}))


@pytest.mark.parametrize("missing", sorted(CLAIMS.keys() - {"sub", "iat"}))
def test_a_claim_that_is_missing_is_refused(missing: str) -> None:
    refused(tokens.rs256({name: value for name, value in CLAIMS.items() if name != missing}))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "", None, "HS256", "RS1", ["RS256"]], ids=repr)
def test_an_algorithm_without_a_public_key_is_refused(algorithm: Any) -> None:
    text = tokens.unsigned({"alg": algorithm, "kid": "one"}, CLAIMS)

    assert "is not accepted" in refused(f"{text}.{tokens.encoded(b'x' * 256)}")
    refused(f"{text}.")


def test_the_public_key_is_no_shared_secret() -> None:
    refused(tokens.hs256(CLAIMS, tokens.public_pem()))
    header = tokens.unsigned({"alg": "RS256", "kid": "one"}, CLAIMS)
    forged = tokens.hs256(CLAIMS, tokens.public_pem()).rpartition(".")[2]
    refused(f"{header}.{forged}")


def test_a_key_signs_for_its_own_name_and_algorithm() -> None:
    other = tokens.rsa_key("other")

    refused(tokens.rs256(CLAIMS, key=other))
    refused(tokens.rs256(CLAIMS, kid="two"))
    refused(tokens.rs256(CLAIMS, kid="pss"))
    refused(tokens.rs256(CLAIMS, kid="curve"))


def test_a_short_key_signs_nothing() -> None:
    short = tokens.rsa_key("short", 1024)

    with pytest.raises(SignInFailed):
        verify(tokens.rs256(CLAIMS, key=short), [tokens.public(short)], EXPECTED)


def test_a_key_for_encryption_signs_nothing() -> None:
    with pytest.raises(SignInFailed):
        verify(tokens.rs256(CLAIMS), [{**tokens.public(tokens.rsa_key()), "use": "enc"}], EXPECTED)


def test_headers_that_must_be_understood_are_refused() -> None:
    refused(tokens.rs256(CLAIMS, crit=["b64"], b64=False))


def test_a_changed_claim_breaks_the_signature() -> None:
    header, _, signature = tokens.rs256(CLAIMS).split(".")
    claims = tokens.unsigned({}, {**CLAIMS, "sub": "root"}).partition(".")[2]

    refused(f"{header}.{claims}.{signature}")


@pytest.mark.parametrize(
    "text",
    ["", "a.b", "a.b.c.d", "....", "é.é.é", "bnVsbA.bnVsbA.bnVsbA", "W10.W10.W10", "x" * 8_000],
    ids=lambda text: text[:20],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(SignInFailed):
        verify(text, keys(), EXPECTED)


def test_a_curve_that_is_too_long_or_elsewhere_signs_nothing() -> None:
    text = tokens.es256(CLAIMS)
    key = tokens.public_ec()

    for changed in ({"x": key["y"]}, {"crv": "P-384"}, {"x": 7}, {"kty": "RSA"}):
        with pytest.raises(SignInFailed):
            verify(text, [{**key, **changed}], EXPECTED)
