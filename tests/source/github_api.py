"""The two requests of GitHub's API for Apps, on loopback.

Claims are checked as GitHub documents it: RS256 by the App's key, issued in the past, valid for ten minutes at most.
"""

from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

LONGEST_CLAIM_SECONDS = 600


def private_key(bits: int = 2048) -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=bits)


def pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


class GitHubApi(ThreadingHTTPServer):
    """Installs one App for one repository.

    Attributes:
        key: of the App.
        ahead: seconds its clock is ahead of this machine's.
        life: seconds a token lives.
        status: answers everything with this status.
        headers: of those answers.
        seen: (method, path, body) of each request.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, key: RSAPrivateKey) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.key = key
        self.ahead, self.life, self.status = 0.0, 3600.0, 0
        self.headers: dict[str, str] = {}
        self.seen: list[tuple[str, str, object]] = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, name="github-api")
        self._thread.start()

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_address[1]}"

    @property
    def now(self) -> float:
        return datetime.now(UTC).timestamp() + self.ahead

    def accepts(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        head, claims, signature = token.split(".")
        try:
            self.key.public_key().verify(_decoded(signature), f"{head}.{claims}".encode(), PKCS1v15(), SHA256())
        except InvalidSignature:
            return False
        body = json.loads(_decoded(claims))
        dated = body["iat"] <= self.now < body["exp"] <= body["iat"] + LONGEST_CLAIM_SECONDS
        return scheme == "Bearer" and json.loads(_decoded(head))["alg"] == "RS256" and body["iss"] == "4711" and dated

    def close(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: GitHubApi

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        server = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server.seen.append((self.command, self.path, json.loads(body) if body else None))
        if server.status:
            self._say(server.status, {}, **server.headers)
        elif not server.accepts(self.headers["Authorization"]):
            self._say(401, {"message": "A JSON web token could not be decoded"})
        elif (self.command, self.path) == ("GET", "/repos/acme/config.git/installation"):
            self._say(404, {})
        elif (self.command, self.path) == ("GET", "/repos/acme/config/installation"):
            self._say(200, {"id": 99})
        elif (self.command, self.path) == ("POST", "/app/installations/99/access_tokens"):
            ends = datetime.fromtimestamp(server.now + server.life, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._say(201, {"token": f"token-{len(server.seen)}", "expires_at": ends})
        else:
            self._say(404, {"message": "Not Found"})

    def _say(self, status: int, value: object, **headers: str) -> None:
        data = json.dumps(value).encode()
        self.send_response_only(status)
        self.send_header("Date", format_datetime(datetime.fromtimestamp(self.server.now, UTC), usegmt=True))
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Prints nothing."""


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
