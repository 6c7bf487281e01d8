"""Verifies an ID token (OpenID Connect Core, 3.1.3.7).

Problem: the API server verifies the token as well, but does not know the nonce, and would accept a token that was issued for
the same client in another login. Decision: everything is verified before the token is sent on: signature by a key of the
provider and an algorithm of a short list (never `none`, never a shared secret), issuer, audience, times and nonce.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.server.oidc.signature import ALGORITHMS, is_signed_by

LONGEST_BYTES = 7600
"""What two cookies hold."""
_LEEWAY_SECONDS = 30.0
_PART = re.compile(r"[A-Za-z0-9_-]+")
_KEYS = 64


class SignInFailed(AgentError):
    """A sign-in that did not come to its end."""

    reason = "SignInFailed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a token has to say.

    Attributes:
        issuer: who issued it.
        client: for whom.
        nonce: in which login.
        now: seconds since 1970.
    """

    issuer: str
    client: str
    nonce: str
    now: float


def key_id_of(token: str) -> str:
    """The name of the key in a token, or nothing.

    Raises:
        SignInFailed: it is no token.
    """
    return str(_parts(token)[0].get("kid") or "")


def verify(token: str, keys: Sequence[Object], expected: Expected) -> None:
    """Accepts a token.

    Args:
        token: as the provider sent it.
        keys: the provider's, as JSON Web Keys.
        expected: what it has to say.

    Raises:
        SignInFailed: saying what is wrong, without the token.
    """
    header, claims = _parts(token)
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise SignInFailed(f"the ID token is signed with {str(algorithm)[:20]}, which is not accepted")
    if "crit" in header:
        raise SignInFailed("the ID token has critical headers, which are not known")
    signed, _, signature = token.rpartition(".")
    fitting = [key for key in keys[:_KEYS] if _fits(key, header)]
    if not any(is_signed_by(key, algorithm, signed.encode(), _bytes(signature)) for key in fitting):
        raise SignInFailed("the ID token is not signed by a key of the provider")
    _check(claims, expected)


def _check(claims: Mapping[str, Any], expected: Expected) -> None:
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience
    if claims.get("iss") != expected.issuer:
        raise SignInFailed("the ID token is of another issuer than oidc.issuer")
    if not isinstance(audiences, list) or expected.client not in audiences:
        raise SignInFailed("the ID token is for another client than oidc.clientID")
    party = claims.get("azp")
    if (party is not None or len(audiences) > 1) and party != expected.client:
        raise SignInFailed("the ID token was issued to another client than oidc.clientID")
    if not _is_after(claims.get("exp"), expected.now - _LEEWAY_SECONDS):
        raise SignInFailed("the ID token has expired; check the clocks")
    if _is_after(claims.get("iat"), expected.now + _LEEWAY_SECONDS) or _is_after(
        claims.get("nbf"), expected.now + _LEEWAY_SECONDS
    ):
        raise SignInFailed("the ID token is not valid yet; check the clocks")
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise SignInFailed("the ID token is of another login")


def _is_after(value: object, moment: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > moment


def _fits(key: Object, header: Mapping[str, Any]) -> bool:
    if "kid" in header and key.get("kid") != header["kid"]:
        return False
    return bool(key.get("use", "sig") == "sig" and key.get("alg", header["alg"]) == header["alg"])


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims."""
    if len(token) > LONGEST_BYTES:
        raise SignInFailed(f"the ID token is longer than {LONGEST_BYTES} bytes: let the provider put fewer groups into it")
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - header, claims, signature
        raise SignInFailed("the provider sent no signed ID token")
    header, claims = _object(parts[0]), _object(parts[1])
    return header, claims


def _object(part: str) -> dict[str, Any]:
    try:
        value = orjson.loads(_bytes(part))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise SignInFailed("the provider sent no signed ID token")
    return value


def _bytes(part: str) -> bytes:
    """The bytes of a part; none where it is not base64url."""
    if not _PART.fullmatch(part):
        return b""
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return b""
