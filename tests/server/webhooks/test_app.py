from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
import urllib3

from gitops_agent.server.http_server import HttpServer
from gitops_agent.server.listening import listen
from gitops_agent.server.webhooks.app import BODY_BYTES, webhook_app
from gitops_agent.server.webhooks.receiver import WebhookReceiver
from tests.server.webhooks.deliveries import PUSH, REPOSITORY, SECRET, hexadecimal
from tests.server.webhooks.test_receiver import Sink

BODY = orjson.dumps({**PUSH, "repository": REPOSITORY})
HEADERS = {"X-GitHub-Event": "push", "X-Hub-Signature-256": f"sha256={hexadecimal(BODY)}"}


@contextmanager
def serving(sink: Sink) -> Iterator[str]:
    """The address of a server with one sink."""
    server = HttpServer(webhook_app(WebhookReceiver(sink)), listen("127.0.0.1", 0, setting="webhooks"), name="test-webhooks")
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()


def send(address: str, method: str = "POST", **options: Any) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, address, retries=False, timeout=60, **options)


def test_a_push_is_accepted_at_once() -> None:
    sink = Sink({"github": SECRET})
    with serving(sink) as address:
        answer = send(f"{address}/hooks/github", body=BODY, headers=HEADERS)

    assert (answer.status, len(sink.pushes)) == (202, 1)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/hooks/github"), ("POST", "/hooks/pigeon"), ("GET", "/hooks/github"), ("GET", "/"), ("POST", "/metrics")],
)
def test_strangers_get_one_answer_everywhere(method: str, path: str) -> None:
    with serving(Sink({"github": SECRET})) as address:
        answer = send(f"{address}{path}", method, body=b"{}")

    assert (answer.status, answer.data) == (401, b"unauthorized\n")


def test_a_follower_says_when_to_come_again() -> None:
    with serving(Sink(None)) as address:
        answer = send(f"{address}/hooks/github", body=BODY, headers=HEADERS)

    assert (answer.status, answer.headers["retry-after"]) == (503, "5")


def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    with serving(Sink({"github": SECRET})) as address:
        answer = send(f"{address}/hooks/github", body=b"x", headers={"Content-Length": str(BODY_BYTES + 1)})

    assert answer.status == 413


def test_a_body_that_does_not_say_how_large_it_is_is_cut_off() -> None:
    chunks = (b"x" * 65536 for _ in range(BODY_BYTES // 65536 + 1))
    with serving(Sink({"github": SECRET})) as address:
        answer = send(f"{address}/hooks/github", body=chunks, headers={"Transfer-Encoding": "chunked"})

    assert answer.status == 413
