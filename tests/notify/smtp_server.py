"""A real SMTP server on loopback: TLS, STARTTLS, AUTH, and every refusal."""

from __future__ import annotations

import base64
import contextlib
import socketserver
import ssl
import threading
from pathlib import Path
from typing import NamedTuple, Self


class Delivered(NamedTuple):
    """A message that was taken."""

    sender: str
    recipients: list[str]
    body: bytes
    login: tuple[str, str] | None


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    mail_server: SmtpServer

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def setup(self) -> None:
        if self.server.mail_server.implicit:
            self._secure()
        super().setup()

    def handle(self) -> None:
        host = self.server.mail_server
        secured, login, sender = host.implicit, None, ""
        recipients: list[str] = []
        if host.banner is None:
            host.over.wait(30)
            return
        self._say(host.banner)
        with contextlib.suppress(OSError):
            while line := self.rfile.readline(4096).decode().rstrip("\r\n"):
                host.lines.append((secured, line))
                verb = line.split(" ")[0].upper()
                refusal = next((reply for start, reply in host.refusals.items() if line.upper().startswith(start.upper())), "")
                if refusal:
                    self._say(refusal)
                elif verb == "EHLO":
                    offers = ["AUTH PLAIN"] if secured else ["STARTTLS"] if host.starttls else []
                    self._say("\r\n".join(["250-mail.test", *(f"250-{offer}" for offer in offers), "250 SIZE 100000"]))
                elif verb == "STARTTLS":
                    self._say("220 go ahead")
                    self._secure()
                    super().setup()
                    secured = True
                elif verb == "AUTH":
                    _, user, password = base64.b64decode(line.split(" ")[2]).decode().split("\0")
                    login = (user, password)
                    self._say("235 welcome")
                elif verb == "MAIL":
                    sender, recipients = line.partition("<")[2].partition(">")[0], []
                    self._say("250 ok")
                elif verb == "RCPT":
                    recipients.append(line.partition("<")[2].partition(">")[0])
                    self._say("250 ok")
                elif verb == "DATA":
                    self._say("354 go on")
                    body = b""
                    while not body.endswith(b"\r\n.\r\n"):
                        body += self.rfile.readline()
                    host.delivered.append(Delivered(sender, list(recipients), body[:-3], login))
                    self._say("250 queued")
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()
        self.request.close()

    def _secure(self) -> None:
        self.request = self.server.mail_server.context.wrap_socket(self.request, server_side=True)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
        self.wfile.flush()


class SmtpServer:
    """Listens on a free port of loopback; a context manager.

    Args:
        certificate: PEM of certificate and key.
        implicit: whether TLS comes before the banner.
        starttls: whether it is offered otherwise.
        banner: the first line; None hangs.
        refusals: by the start of a command, the reply to it.
    """

    def __init__(
        self,
        certificate: Path,
        *,
        implicit: bool = True,
        starttls: bool = True,
        banner: str | None = "220 mail.test",
        refusals: dict[str, str] | None = None,
    ) -> None:
        self.implicit, self.starttls, self.banner, self.refusals = implicit, starttls, banner, refusals or {}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate)
        self.delivered: list[Delivered] = []
        self.lines: list[tuple[bool, str]] = []
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.mail_server = self
        self.port = self._server.server_address[1]
        self.url = f"smtp{'s' if implicit else ''}://mail.test:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, name="smtp")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
