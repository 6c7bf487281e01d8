"""A sign-in: the authorization code flow with PKCE.

Problem: a callback that any site can forge, or that another replica answers. Decision: the browser keeps what its login has to
prove, in a cookie of ten minutes: state, nonce, the verifier of PKCE and the path to return to. The server keeps nothing.

No refresh token is requested: it would be a credential that outlives the session and that the agent would have to keep. When
the ID token expires, the provider's own session signs the browser in again without a question.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from urllib.parse import urlencode

import orjson

from gitops_agent.server.oidc.id_token import Expected, SignInFailed, key_id_of, verify
from gitops_agent.server.oidc.provider import Provider
from gitops_agent.server.oidc.return_path import safe_path
from gitops_agent.server.plain_text import plain

LOGIN_SECONDS = 600
_CALLBACK = "/auth/callback"
_LONGEST_CODE = 4096
_ERROR = re.compile(r"[a-z_]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What the browser keeps during a login.

    Attributes:
        state: comes back with the code.
        nonce: comes back in the ID token.
        verifier: proves that the code is ours.
        path: where to return to.
        at: when it began, seconds since 1970.
    """

    state: str
    nonce: str
    verifier: str
    path: str
    at: int

    def cookie(self) -> str:
        """As the value of a cookie."""
        return base64.urlsafe_b64encode(orjson.dumps(asdict(self))).rstrip(b"=").decode()

    @classmethod
    def of(cls, cookie: str) -> Attempt | None:
        """The attempt of a cookie; None where it holds none."""
        try:
            value = orjson.loads(base64.urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4)))
            texts = {name: str(value[name]) for name in ("state", "nonce", "verifier", "path")}
            return cls(**texts, at=int(value["at"]))
        except (ValueError, TypeError, KeyError):
            return None


class Login:
    """Sends browsers to the provider, and takes what they come back with.

    Args:
        provider: the provider.
        address: where people reach the dashboard.
        scopes: what is requested beside `openid`.
    """

    def __init__(self, provider: Provider, address: str, scopes: tuple[str, ...]) -> None:
        self._provider, self._redirect = provider, address.rstrip("/") + _CALLBACK
        self._scopes = " ".join(dict.fromkeys(("openid", *scopes)))

    def begin(self, wish: str) -> tuple[str, Attempt]:
        """Where to go at the provider, and what to keep meanwhile.

        Raises:
            AgentError: the provider does not answer.
        """
        endpoint = self._provider.metadata().authorization
        attempt = Attempt(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(48),
            path=safe_path(wish),
            at=int(time.time()),
        )
        challenge = base64.urlsafe_b64encode(hashlib.sha256(attempt.verifier.encode()).digest()).rstrip(b"=").decode()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._provider.client,
                "redirect_uri": self._redirect,
                "scope": self._scopes,
                "state": attempt.state,
                "nonce": attempt.nonce,
                "code_challenge": challenge,
                "code_challenge_method": "S256",
            }
        )
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{query}", attempt

    def finish(self, query: Mapping[str, str], cookie: str) -> tuple[str, str]:
        """The ID token, and the path to return to.

        Args:
            query: of the callback.
            cookie: what the browser kept.

        Raises:
            SignInFailed: nothing is proved by what came back.
            AgentError: the provider does not answer.
        """
        attempt = Attempt.of(cookie)
        if attempt is None or not 0 <= time.time() - attempt.at <= LOGIN_SECONDS:
            raise SignInFailed("this browser began no sign-in, or more than ten minutes ago")
        if not hmac.compare_digest(query.get("state", "").encode(), attempt.state.encode()):
            raise SignInFailed("what came back is of another sign-in")
        metadata = self._provider.metadata()
        if (metadata.names_issuer or "iss" in query) and query.get("iss") != self._provider.issuer:
            raise SignInFailed("what came back is of another provider")
        if "error" in query:
            error = query["error"] if _ERROR.fullmatch(query["error"]) else "an unknown error"
            raise SignInFailed(f"the provider answered {error}. {plain(query.get('error_description', ''), 200)}".strip())
        code = query.get("code", "")
        if not 0 < len(code) <= _LONGEST_CODE:
            raise SignInFailed("the provider sent no code")
        token = self._provider.exchange(code, verifier=attempt.verifier, redirect=self._redirect)
        expected = Expected(issuer=self._provider.issuer, client=self._provider.client, nonce=attempt.nonce, now=time.time())
        verify(token, self._provider.keys(key_id_of(token)), expected)
        return token, safe_path(attempt.path)
