from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from gitops_agent.httpclient.allowed_hosts import AllowedHosts, HostRefused
from gitops_agent.httpclient.mail import Mail, SmtpClient
from gitops_agent.httpclient.message import DeliveryError
from tests.notify.smtp_server import SmtpServer
from tests.source.certificates import self_signed
from tests.waiting import LIMIT_SECONDS

pytestmark = pytest.mark.slow

MAIL = Mail(
    url="", sender="agent@acme.test", recipients=("ops@acme.test", "dev@acme.test"), body=b"Subject: x\r\n\r\n.hello\r\n"
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of mail.test, with its key."""
    bundle = tmp_path_factory.mktemp("tls") / "bundle.pem"
    bundle.write_bytes(self_signed("mail.test"))
    return bundle


def client(seconds: float = 5.0, **options: AllowedHosts) -> SmtpClient:
    return SmtpClient(timeout_seconds=seconds, resolver=lambda _host, _port: ("127.0.0.1",), **options)


def submit(server: SmtpServer, certificate: Path, mail: Mail = MAIL, *, seconds: float = 5.0) -> bytes:
    return client(seconds).send(replace(mail, url=server.url), authority=certificate.read_bytes()).body


@pytest.mark.parametrize("implicit", [True, False], ids=["smtps", "starttls"])
def test_a_message_is_submitted_by_tls_and_the_password_too(certificate: Path, *, implicit: bool) -> None:
    with SmtpServer(certificate, implicit=implicit) as server:
        assert submit(server, certificate, replace(MAIL, username="agent", password="hunter22")) == b""

    [message] = server.delivered
    assert (message.sender, message.recipients) == ("agent@acme.test", ["ops@acme.test", "dev@acme.test"])
    assert message.login == ("agent", "hunter22")
    assert message.body == b"Subject: x\r\n\r\n..hello\r\n"
    assert [line.split(" ")[0] for secured, line in server.lines if not secured] == ([] if implicit else ["ehlo", "STARTTLS"])


def test_without_tls_nothing_is_sent(certificate: Path) -> None:
    with (
        SmtpServer(certificate, implicit=False, starttls=False) as server,
        pytest.raises(DeliveryError, match="no STARTTLS") as caught,
    ):
        submit(server, certificate)

    assert not caught.value.transient
    assert [line for _, line in server.lines if not line.startswith("ehlo")] == []


def test_an_unknown_certificate_is_refused(certificate: Path) -> None:
    with SmtpServer(certificate) as server:
        with pytest.raises(DeliveryError, match="certificate") as caught:
            client().send(replace(MAIL, url=server.url))
        with pytest.raises(DeliveryError, match=r"(?i)mismatch"):
            client().send(replace(MAIL, url=server.url.replace("mail.test", "other.test")), authority=certificate.read_bytes())

    assert caught.value.transient
    assert server.lines == []


@pytest.mark.parametrize(
    ("command", "reply", "transient"),
    [
        ("AUTH", "535 5.7.8 bad credentials", False),
        ("AUTH", "454 4.7.0 try later", True),
        ("MAIL", "550 5.7.1 not you", False),
        ("MAIL", "421 4.3.2 shutting down", True),
        ("RCPT", "450 4.2.0 greylisted", True),
        ("RCPT", "550 5.1.1 no such user", False),
        ("DATA", "452 4.3.1 no space", True),
        ("DATA", "554 5.6.0 spam", False),
    ],
)
def test_4xx_passes_later_and_5xx_never(certificate: Path, command: str, reply: str, *, transient: bool) -> None:
    with (
        SmtpServer(certificate, refusals={command: reply}) as server,
        pytest.raises(DeliveryError, match=f"mail.test refused the message: {reply}") as caught,
    ):
        submit(server, certificate, replace(MAIL, username="agent", password="hunter22"))

    assert caught.value.transient is transient


def test_a_server_that_is_full_is_tried_later(certificate: Path) -> None:
    with (
        SmtpServer(certificate, banner="421 too many connections") as server,
        pytest.raises(DeliveryError, match="421") as caught,
    ):
        submit(server, certificate)

    assert caught.value.transient


def test_a_recipient_who_is_refused_keeps_no_other_from_the_message(certificate: Path) -> None:
    with SmtpServer(certificate, refusals={"RCPT TO:<DEV@": "550 no such user\x07"}) as server:
        refused = submit(server, certificate)

    assert server.delivered[0].recipients == ["ops@acme.test"]
    assert refused == b"dev@acme.test: 550 no such user"


@pytest.mark.parametrize("implicit", [True, False], ids=["smtps", "starttls"])
def test_a_server_that_hangs_is_left_at_the_deadline(certificate: Path, *, implicit: bool) -> None:
    with SmtpServer(certificate, implicit=implicit, banner=None) as server:
        started = time.monotonic()
        with pytest.raises(DeliveryError, match=r"no answer within 0\.5 s") as caught:
            submit(server, certificate, seconds=0.5)

    assert time.monotonic() - started < LIMIT_SECONDS
    assert caught.value.transient


def test_a_server_that_talks_without_end_is_left(certificate: Path) -> None:
    endless = "\r\n".join(["250-" + "x" * 500] * 400)
    with SmtpServer(certificate, refusals={"EHLO": endless, "HELO": endless}) as server, pytest.raises(DeliveryError):
        submit(server, certificate, seconds=3.0)

    assert server.delivered == []


def test_an_aborted_client_sends_nothing_more(certificate: Path) -> None:
    aborted = client()
    aborted.abort()
    with SmtpServer(certificate) as server, pytest.raises(DeliveryError, match="stopping"):
        aborted.send(replace(MAIL, url=server.url))


@pytest.mark.parametrize("url", ["http://mail.test", "smtp://user:p@mail.test", "smtps://", "mail.test"])
def test_an_address_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        client().send(replace(MAIL, url=url))

    assert not caught.value.transient


def test_hosts_are_those_of_the_setting_the_secret_and_the_egress_rules() -> None:
    allowed = AllowedHosts(patterns=("smtp.acme.test",), subject="a notification", rule="the setting")
    with pytest.raises(HostRefused):
        client(hosts=allowed).send(replace(MAIL, url="smtps://mail.test"))
    with pytest.raises(HostRefused):
        client().send(replace(MAIL, url="smtps://mail.test"), secret=allowed)
    metadata = SmtpClient(resolver=lambda _host, _port: ("169.254.169.254",))
    with pytest.raises(DeliveryError, match="never sends"):
        metadata.send(replace(MAIL, url="smtps://mail.test"))


@pytest.mark.parametrize("sender", ["a@b\r\nRCPT TO:<evil@x>", "a@b>\nDATA"])
def test_no_address_carries_a_command(certificate: Path, sender: str) -> None:
    with SmtpServer(certificate) as server, pytest.raises(DeliveryError):
        submit(server, certificate, replace(MAIL, sender=sender))

    assert not any("evil" in line for _, line in server.lines)
