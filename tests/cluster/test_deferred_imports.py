from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.wire import kubeconfig

LOADED = """
import json, sys
from gitops_agent.cluster.transport import Transport
transport = Transport.from_kubeconfig(sys.argv[1])
print(json.dumps([transport._authorization().get("authorization", ""), "requests" in sys.modules]))
import kubernetes.stream
assert kubernetes.stream.stream
"""


class Issuer:
    """An OpenID Connect issuer that renews any token."""

    def __init__(self) -> None:
        self.renewed: list[str] = []
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.reply({"token_endpoint": f"{issuer.url}/token"})

            def do_POST(self) -> None:
                issuer.renewed.append(self.rfile.read(int(self.headers["content-length"])).decode())
                self.reply({"id_token": token(2**40), "refresh_token": "next", "access_token": "a", "token_type": "Bearer"})

            def reply(self, value: Any) -> None:
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(value).encode())

            def log_message(self, *_: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.server.shutdown()
    issuer.server.server_close()


def token(expires: int) -> str:
    parts = ({"alg": "none"}, {"exp": expires})
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + ".x"


def connect(path: Path) -> Any:
    environment = {"PATH": "", "OAUTHLIB_INSECURE_TRANSPORT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", LOADED, str(path)], env=environment, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_kubeconfig_with_a_token_loads_no_second_http_client(tmp_path: Path) -> None:
    assert connect(kubeconfig(tmp_path, "http://127.0.0.1:9", token="s3cret")) == ["Bearer s3cret", False]


@pytest.mark.slow
def test_an_expired_token_of_an_oidc_provider_is_renewed_by_the_client(issuer: Issuer, tmp_path: Path) -> None:
    config = {
        "client-id": "cli",
        "client-secret": "hidden",
        "id-token": token(1),
        "refresh-token": "first",
        "idp-issuer-url": issuer.url,
    }
    user = {"auth-provider": {"name": "oidc", "config": config}}

    assert connect(kubeconfig(tmp_path, "http://127.0.0.1:9", **user)) == [f"Bearer {token(2**40)}", True]
    (renewal,) = issuer.renewed
    assert "refresh_token=first" in renewal
