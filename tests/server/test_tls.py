from __future__ import annotations

import dataclasses
import http.client
import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gitops_agent.errors import UsageError
from gitops_agent.server import tls
from gitops_agent.server.http_server import HttpServer
from gitops_agent.server.listening import listen
from gitops_agent.server.tls import TlsFiles, server_context
from tests.source.certificates import Certificates

pytestmark = pytest.mark.slow


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


def files(certificates: Certificates, *names: str, clients: bool = True) -> TlsFiles:
    return TlsFiles(
        certificate=Path(certificates.path("server.crt")),
        key=Path(certificates.path("server.key")),
        clients=Path(certificates.path("ca.crt")) if clients else None,
        names=names,
    )


async def hello(scope: Any, receive: Any, send: Any) -> None:
    del scope, receive
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


@contextmanager
def serving(where: TlsFiles) -> Iterator[int]:
    server = HttpServer(hello, listen("127.0.0.1", 0, setting="dashboard"), name="http-ui", tls=where)
    server.start()
    try:
        yield server.port
    finally:
        server.stop()


def ask(port: int, authority: Certificates, client: Certificates | None) -> int:
    context = ssl.create_default_context(cafile=authority.path("ca.crt"))
    if client is not None:
        context.load_cert_chain(client.path("client.crt"), client.path("client.key"))
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=60, context=context)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    finally:
        connection.close()


def test_only_a_client_of_the_authority_connects(certificates: Certificates, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    foreign = Certificates(tmp_path / "other")
    with serving(files(certificates)) as port:
        assert ask(port, certificates, certificates) == 200
        for client in (None, foreign):
            with pytest.raises((ssl.SSLError, ConnectionError, http.client.RemoteDisconnected)):
                ask(port, certificates, client)


def test_a_client_of_another_name_is_cut_off(certificates: Certificates) -> None:
    with serving(files(certificates, "front-proxy")) as port, pytest.raises((ssl.SSLError, ConnectionError)):
        ask(port, certificates, certificates)
    with serving(files(certificates, "front-proxy", "client")) as port:
        assert ask(port, certificates, certificates) == 200


def test_without_an_authority_every_browser_connects(certificates: Certificates) -> None:
    with serving(files(certificates, clients=False)) as port:
        assert ask(port, certificates, None) == 200


def test_a_rotated_certificate_is_served(certificates: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "_LOOK_SECONDS", 0.0)
    (tmp_path / "fresh").mkdir()
    fresh, where = Certificates(tmp_path / "fresh"), files(certificates, clients=False)
    with serving(where) as port:
        assert ask(port, certificates, None) == 200
        for name, file in (("server.crt", where.certificate), ("server.key", where.key)):
            file.write_bytes(Path(fresh.path(name)).read_bytes())
            os.utime(file, (1, 1))
        with pytest.raises(ssl.SSLError):
            ask(port, fresh, None)  # the connection at which the change is noticed
        assert ask(port, fresh, None) == 200


@pytest.mark.parametrize(
    ("field", "words"), [("certificate", r"dashboard\.tlsCertificate"), ("clients", r"dashboard\.proxyCA")]
)
def test_a_file_that_cannot_be_used_is_named(certificates: Certificates, tmp_path: Path, field: str, words: str) -> None:
    (tmp_path / "broken").write_text("no certificate")

    for path in (tmp_path / "broken", tmp_path / "missing"):
        changed: dict[str, Any] = {field: path}
        with pytest.raises(UsageError, match=words):
            server_context(dataclasses.replace(files(certificates), **changed))
