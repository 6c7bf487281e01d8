from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import DeliveryError, Request
from tests.notify.receiver import Handler, Receiver, Told
from tests.source.certificates import self_signed
from tests.waiting import LIMIT_SECONDS, eventually

pytestmark = pytest.mark.slow


def post(url: str, body: bytes = b"{}") -> Request:
    return Request(method="POST", url=url, headers={"X-Test": "yes"}, body=body)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of receiver.test, with its key."""
    bundle = tmp_path_factory.mktemp("tls") / "bundle.pem"
    bundle.write_bytes(self_signed("receiver.test"))
    return bundle


def test_a_request_arrives_and_its_answer_comes_back() -> None:
    def script(_: Told, handler: Handler) -> None:
        handler.answer(201, b"thanks", X_Seen="1")

    with Receiver(script) as receiver:
        answer = HttpClient().send(post(receiver.url + "?a=b", b"hello"))

    assert (answer.status, answer.body, answer.headers["x-seen"]) == (201, b"thanks", "1")
    request = receiver.told[0]
    assert (request.method, request.path, request.body) == ("POST", "/hook?a=b", b"hello")
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["x-test"] == "yes"


def test_redirects_are_answers_and_not_followed() -> None:
    with Receiver(lambda _, handler: handler.answer(302, Location="/elsewhere")) as receiver:
        assert HttpClient().send(post(receiver.url)).status == 302
        assert len(receiver.told) == 1


def test_a_receiver_that_hangs_is_left_at_the_deadline() -> None:
    with Receiver(lambda _, handler: handler.hang()) as receiver:
        started = time.monotonic()
        with pytest.raises(DeliveryError, match=r"no answer within 0\.3 s") as caught:
            HttpClient(timeout_seconds=0.3).send(post(receiver.url))

        assert time.monotonic() - started < LIMIT_SECONDS
        assert caught.value.transient


def test_a_receiver_that_drips_its_status_is_as_late() -> None:
    def script(_: Told, handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 ")
        handler.drip(b"0")

    with Receiver(script) as receiver:
        started = time.monotonic()
        with pytest.raises(DeliveryError):
            HttpClient(timeout_seconds=0.4).send(post(receiver.url))

        assert time.monotonic() - started < LIMIT_SECONDS


@pytest.mark.parametrize(
    "begun", [b"X-Long: ", b"Content-Length: 1000000\r\n\r\n", b"Connection: close\r\nContent-Length: 1000000\r\n\r\n"]
)
def test_a_receiver_that_drips_after_its_status_has_said_enough(begun: bytes) -> None:
    def script(_: Told, handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + begun)
        handler.drip(b"x")

    with Receiver(script) as receiver:
        started = time.monotonic()

        assert HttpClient(timeout_seconds=0.4).send(post(receiver.url)).status == 200
        assert time.monotonic() - started < LIMIT_SECONDS


def test_a_huge_answer_is_cut() -> None:
    with Receiver(lambda _, handler: handler.answer(200, b"x" * 5_000_000)) as receiver:
        assert len(HttpClient().send(post(receiver.url)).body) == 65_536


def test_an_answer_is_read_as_far_as_its_sender_asks() -> None:
    with Receiver(lambda _, handler: handler.answer(200, b"x" * 100_000)) as receiver:
        whole = HttpClient().send(post(receiver.url), longest=100_000)
        start = HttpClient().send(post(receiver.url), longest=99_999)

    assert (len(whole.body), whole.complete) == (100_000, True)
    assert (len(start.body), start.complete) == (99_999, False)


def test_an_answer_that_is_torn_is_not_complete() -> None:
    def script(_: Told, handler: Handler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    with Receiver(script) as receiver:
        answer = HttpClient(timeout_seconds=2).send(post(receiver.url))

    assert (answer.status, answer.complete) == (200, False)


def test_an_answer_that_is_no_http_is_transient() -> None:
    def script(_: Told, handler: Handler) -> None:
        handler.wfile.write(b"hello\r\n\r\n")

    with Receiver(script) as receiver:
        with pytest.raises(DeliveryError) as caught:
            HttpClient(timeout_seconds=2).send(post(receiver.url))

        assert caught.value.transient


def test_a_closed_port_is_transient() -> None:
    with Receiver() as receiver:
        url = receiver.url

    with pytest.raises(DeliveryError, match=r"127\.0\.0\.1 cannot be reached: .*refused") as caught:
        HttpClient(timeout_seconds=2).send(post(url))

    assert caught.value.transient


def test_the_next_address_is_tried() -> None:
    with Receiver() as receiver:
        http = HttpClient(resolver=lambda _host, _port: ("127.0.0.9", "127.0.0.1"))

        assert http.send(post(f"http://receiver.test:{receiver.port}/")).status == 204


def test_the_address_that_was_judged_is_the_one_connected_to() -> None:
    asked: list[str] = []

    def changing(host: str, port: int) -> tuple[str, ...]:
        asked.append(host)
        return ("127.0.0.1",) if len(asked) == 1 else ("169.254.169.254",)

    with Receiver() as receiver:
        assert HttpClient(resolver=changing).send(post(f"http://receiver.test:{receiver.port}/")).status == 204

    assert asked == ["receiver.test"]


def test_certificates_are_checked(certificate: Path) -> None:
    with Receiver(certificate=certificate) as receiver:
        with pytest.raises(DeliveryError, match="certificate"):
            HttpClient(resolver=lambda _host, _port: ("127.0.0.1",)).send(post(f"https://receiver.test:{receiver.port}/"))

        assert receiver.told == []


def test_an_authority_of_the_secret_is_trusted_for_its_name_only(certificate: Path) -> None:
    http = HttpClient(resolver=lambda _host, _port: ("127.0.0.1",))
    with Receiver(certificate=certificate) as receiver:
        authority = certificate.read_bytes()

        assert http.send(post(f"https://receiver.test:{receiver.port}/"), authority=authority).status == 204
        with pytest.raises(DeliveryError, match="cannot be reached"):
            http.send(post(f"https://other.test:{receiver.port}/"), authority=authority)


def test_an_authority_that_is_no_certificate_is_said() -> None:
    with pytest.raises(DeliveryError, match=r"ca\.crt"):
        HttpClient(resolver=lambda _host, _port: ("127.0.0.1",)).send(post("https://receiver.test/"), authority=b"nonsense")


def test_a_request_under_way_can_be_ended() -> None:
    http = HttpClient(timeout_seconds=600)
    failed = threading.Event()

    def send(url: str) -> None:
        try:
            http.send(post(url))
        except DeliveryError:
            failed.set()

    with Receiver(lambda _, handler: handler.hang()) as receiver:
        thread = threading.Thread(target=send, args=[receiver.url])
        thread.start()
        eventually(lambda: receiver.told)
        http.abort()
        thread.join(LIMIT_SECONDS)

        assert failed.is_set()
        with pytest.raises(DeliveryError, match="stopping"):
            http.send(post(receiver.url))


def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with Receiver() as receiver:
        assert HttpClient().send(post(receiver.url)).status == 204
