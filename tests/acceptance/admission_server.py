"""An admission webhook that can be down, hang, deny, and recover."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from gitops_agent.manifest.key import Object
from tests.source.certificates import Certificates


class Behaviour(Enum):
    """What the webhook does with a request."""

    ALLOW = "allow"
    DENY = "deny"
    HANG = "hang"


class AdmissionServer:
    """A webhook on loopback; nothing listens before `start`.

    Attributes:
        behaviour: of the next request.
        configuration: the ValidatingWebhookConfiguration that calls it for ConfigMaps of a namespace.
        webhook: its name, as the API server's errors say it.
    """

    def __init__(self, certificates: Certificates, namespace: str) -> None:
        self.behaviour = Behaviour.ALLOW
        self.webhook = f"guard.{namespace}.example.com"
        self._over = threading.Event()
        admission = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
                if admission.behaviour is Behaviour.HANG:
                    admission._over.wait()
                    return
                allowed = admission.behaviour is Behaviour.ALLOW
                answer = {"uid": review["request"]["uid"], "allowed": allowed, "status": {"message": "not on a Friday"}}
                body = json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": answer}).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silence."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """The API server gives up on what hangs."""

        # Bound, so that the port stays ours, and not listening yet.
        self._server = Server(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self._server.server_bind()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.path("server.crt"), certificates.path("server.key"))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.configuration = self._configuration(certificates, namespace)

    def start(self) -> None:
        """Begins to listen."""
        self._server.server_activate()
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        if self._thread.ident is not None:
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()

    def _configuration(self, certificates: Certificates, namespace: str) -> Object:
        authority = base64.b64encode(certificates.text("ca.crt").encode()).decode()
        port = int(self._server.socket.getsockname()[1])
        webhook = {
            "name": self.webhook,
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": 1,
            "clientConfig": {"url": f"https://127.0.0.1:{port}/guard", "caBundle": authority},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["configmaps"]}],
        }
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": namespace},
            "webhooks": [webhook],
        }
