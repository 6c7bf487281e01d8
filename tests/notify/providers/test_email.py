from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from gitops_agent.errors import AgentError
from gitops_agent.httpclient.mail import Mail
from gitops_agent.manifest.key import AppKey
from gitops_agent.notify.message import Message
from gitops_agent.notify.providers import email
from tests.notify.builders import NOON, message, spec

SECRET = {
    "from": b"GitOps <agent@acme.test>",
    "to": b"ops@acme.test, Dana <dana@acme.test>",
    "username": b"u",
    "password": b"p",
}
SERVER = "smtps://smtp.acme.test"


def mail(about: Message | None = None, text: str = "the text", **secret: bytes) -> Mail:
    return email.request(about or message(), text, SECRET | secret, spec("email", address=SERVER), now=NOON)


def read(sent: Mail) -> EmailMessage:
    parsed = message_from_bytes(sent.body, policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body(sent: Mail, kind: str) -> str:
    part = read(sent).get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_mail_says_what_happened_in_text_and_html() -> None:
    sent = mail(replace(message(), link="https://gitops.example.com/a/ops/shop"), "Grüße\n<script>alert(1)</script>")

    assert (sent.url, sent.sender, sent.recipients) == (SERVER, "agent@acme.test", ("ops@acme.test", "dana@acme.test"))
    assert (sent.username, sent.password) == ("u", "p")
    assert read(sent)["Subject"] == "ops/shop: degraded"
    assert read(sent)["To"] == "ops@acme.test, Dana <dana@acme.test>"
    assert body(sent, "plain").split() == (
        ["ops/shop:", "degraded", "Grüße", "<script>alert(1)</script>", "https://gitops.example.com/a/ops/shop"]
    )
    assert "&lt;script&gt;" in body(sent, "html")
    assert '<a href="https://gitops.example.com/a/ops/shop">' in body(sent, "html")
    assert sent.body.isascii()


def test_a_mail_is_recognised_as_one_of_a_machine_and_of_a_list() -> None:
    headers = read(mail())

    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["List-Id"] == "<shop.ops.gitops-agent.acme.test>"
    assert headers["From"] == "GitOps <agent@acme.test>"
    assert headers["Date"] == "Sun, 01 Mar 2026 12:00:00 +0000"


def test_mails_of_one_commit_are_a_thread_and_repeats_are_duplicates() -> None:
    first, again, later = (read(mail(message(at=NOON + timedelta(days=day)))) for day in (0, 0, 7))
    other = read(mail(message(name="bank")))

    assert first["Message-ID"] == again["Message-ID"] != later["Message-ID"]
    assert first["References"] == first["In-Reply-To"] == later["References"] != other["References"]
    assert first["Message-ID"].endswith("@acme.test>")
    assert read(mail(message(revision=None)))["References"] is None


@pytest.mark.parametrize("evil", ["\r\nBcc: evil@x.test", "\nBcc: evil@x.test\n\nbody", "\u2028Bcc: evil@x.test", "x" * 5000])
def test_nothing_that_happened_makes_a_header(evil: str) -> None:
    about = replace(message(), application=AppKey("ops", f"shop{evil}"), subject=evil, author=evil, reason=evil, text=evil)
    sent = mail(about, evil)

    assert read(sent)["Bcc"] is None
    assert set(read(sent).keys()) <= {
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "In-Reply-To",
        "References",
        "List-Id",
        "Auto-Submitted",
        "X-Auto-Response-Suppress",
        "MIME-Version",
        "Content-Type",
    }
    assert max(map(len, sent.body.split(b"\r\n"))) <= 998
    assert b"evil" not in sent.body.partition(b"\r\n\r\n")[0].replace(b"Bcc: evil@x.test", b"evil") or read(sent)["Subject"]


@pytest.mark.parametrize(
    ("secret", "key"),
    [
        ({"from": b""}, "from"),
        ({"from": b"a@b.test, c@d.test"}, "from"),
        ({"from": b"a@b@c"}, "from"),
        ({"to": b""}, "to"),
        ({"to": b"ops"}, "to"),
        ({"to": b"Dana <dana@acme.test"}, "to"),
        ({"to": b'"x" <a@b.test>'}, "to"),
        ({"to": b"a@b.test\r\nBcc: c@d.test"}, "to"),
        ({"to": b",".join([b"a@b.test"] * 21)}, "to"),
    ],
)
def test_what_is_wrong_in_the_secret_is_named(secret: dict[str, Any], key: str) -> None:
    with pytest.raises(AgentError, match=f"the key {key} of the Secret") as caught:
        mail(**secret)

    assert caught.value.reason == "SecretInvalid"
