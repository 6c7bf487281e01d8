"""A small OpenID Connect provider over TLS."""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

import orjson

from tests.server.oidc import tokens
from tests.source.certificates import Certificates

CLIENT, SECRET = "dashboard", "the client's: secret"


class ProviderServer(ThreadingHTTPServer):
    """Signs every browser in.

    Attributes:
        claims: of the next tokens.
        codes: what was requested with each unused code.
        document: changes to the discovery document.
        requests: the paths that were requested.
    """

    daemon_threads = True

    def __init__(self, certificates: Certificates) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.path("server.crt"), certificates.path("server.key"))
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.authority = certificates.text("ca.crt")
        self.issuer = f"https://127.0.0.1:{self.server_address[1]}"
        self.claims: dict[str, Any] = {"sub": "dana", "groups": ["dev"]}
        self.codes: dict[str, dict[str, str]] = {}
        self.document: dict[str, Any] = {}
        self.requests: list[str] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that end early are no fault of a test."""

    def sign_in(self, address: str) -> dict[str, str]:
        """What a browser comes back with from the provider's page."""
        query = dict(parse_qsl(urlsplit(address).query))
        assert address.startswith(f"{self.issuer}/authorize?")
        code = secrets.token_urlsafe(16)
        self.codes[code] = query
        return {"code": code, "state": query["state"], "iss": self.issuer}

    def answer(self, path: str) -> Any:
        """A document."""
        if path == "/keys":
            return {"keys": [tokens.public(tokens.rsa_key())]}
        names = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {
            "issuer": self.issuer,
            **{name: f"{self.issuer}/{place}" for name, place in names.items()},
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "authorization_response_iss_parameter_supported": True,
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            **self.document,
        }

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, Any]:
        """The token endpoint: a code is good once, for its own login."""
        client = base64.b64decode(authorization.removeprefix("Basic ")).decode()
        request = self.codes.pop(form.get("code", ""), None)
        challenge = tokens.encoded(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if [unquote_plus(part) for part in client.split(":")] != [CLIENT, SECRET]:
            return 401, {"error": "invalid_client"}
        if request is None or request["code_challenge"] != challenge or request["redirect_uri"] != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        return 200, {"id_token": self.token(request["nonce"]), "access_token": "unused", "token_type": "Bearer"}

    def token(self, nonce: str, **claims: Any) -> str:
        """An ID token."""
        now = int(time.time())
        times = {"iat": now, "exp": now + 600}
        return tokens.rs256({"iss": self.issuer, "aud": CLIENT, "nonce": nonce, **times, **self.claims, **claims})


class _Handler(BaseHTTPRequestHandler):
    server: ProviderServer

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        self._send(200, self.server.answer(urlsplit(self.path).path))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        self.server.requests.append(self.path)
        self._send(*self.server.exchange(dict(parse_qsl(body)), self.headers.get("authorization", "")))

    def _send(self, status: int, value: Any) -> None:
        body = orjson.dumps(value)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silent."""


@contextmanager
def provider(certificates: Certificates) -> Iterator[ProviderServer]:
    """A running provider."""
    server = ProviderServer(certificates)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def callback(answer: dict[str, str]) -> str:
    """The address that a browser comes back to."""
    return f"/auth/callback?{urlencode(answer)}"
