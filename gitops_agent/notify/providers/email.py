"""E-mail, by the submission service of an SMTP server.

Secret keys: `from` and `to` (addresses, separated by commas), and `username` and `password` where the server demands them.
Messages about one commit of an Application refer to one message that was never sent, so that mail programs show them as one
thread. Nothing that a contributor writes is in a header.
"""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.mail import Mail
from gitops_agent.notify.message import Message
from gitops_agent.notify.provider import Credentials, credential, everything, judge_status

_POLICY = SMTP.clone(cte_type="7bit", max_line_length=998)
_ADDRESS = re.compile(
    r"(?:(?P<name>[^<>@,\"]{1,100})<(?=.*>$))?(?P<user>[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})@(?P<domain>[A-Za-z0-9.-]{1,253})>?"
)
_NO_LABEL = re.compile(r"[^A-Za-z0-9.-]")
_RECIPIENTS = 20
_SUBJECT = 200

speaks_of = everything
judge = judge_status


def request(message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Mail:
    """A message in plain text and HTML."""
    [sender] = _addresses(credentials, "from", most=1)
    recipients = _addresses(credentials, "to", most=_RECIPIENTS)
    if not spec.address:
        raise AgentError("spec.address names no server", reason="SecretInvalid")
    mail = EmailMessage(policy=_POLICY)
    mail["From"], mail["To"] = sender, recipients
    mail["Subject"] = _line(message.title)[:_SUBJECT]
    mail["Date"] = format_datetime(now)
    # The same edge may come again in a week: with its moment it is no duplicate, and after a crash it is one.
    mail["Message-ID"] = f"<{message.id}.{int(message.at.timestamp() * 1000)}@{sender.domain}>"
    if message.commit:
        mail["In-Reply-To"] = mail["References"] = f"<{_thread(message)}@{sender.domain}>"
    mail["List-Id"] = f"<{_list(message)}.gitops-agent.{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content("\n\n".join(part for part in (message.title, text, message.link) if part))
    mail.add_alternative(_html(message, text), subtype="html")
    return Mail(
        url=spec.address,
        sender=sender.addr_spec,
        recipients=tuple(recipient.addr_spec for recipient in recipients),
        body=mail.as_bytes(),
        username=credential(credentials, "username"),
        password=credential(credentials, "password"),
    )


def _addresses(credentials: Credentials, key: str, *, most: int) -> tuple[Address, ...]:
    """The addresses of a key of the Secret.

    Raises:
        AgentError: there are none, too many, or some that are none (reason `SecretInvalid`).
    """
    parts = [part.strip() for part in credential(credentials, key).split(",") if part.strip()]
    matches = [match for part in parts if (match := _ADDRESS.fullmatch(part)) is not None]
    if not parts or len(matches) < len(parts) or len(parts) > most:
        expected = "one address" if most == 1 else f"up to {most} addresses, separated by commas"
        raise AgentError(f"the key {key} of the Secret has to hold {expected}", reason="SecretInvalid")
    try:
        return tuple(Address((match["name"] or "").strip(), match["user"], match["domain"]) for match in matches)
    except ValueError:
        raise AgentError(f"the key {key} of the Secret holds what is no address", reason="SecretInvalid") from None


def _thread(message: Message) -> str:
    return hashlib.sha256(f"{message.application}\n{message.commit}".encode()).hexdigest()[:32]


def _list(message: Message) -> str:
    application = message.application
    return _NO_LABEL.sub("-", f"{application.name}.{application.namespace}")


def _line(text: str) -> str:
    """One line without control characters, whatever a stored message holds."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _html(message: Message, text: str) -> str:
    lines = "<br>\n".join(escape(line) for line in text.splitlines())
    page = f'\n<p><a href="{escape(message.link)}">Open the dashboard</a></p>' if message.link else ""
    return f"<p><b>{escape(message.title)}</b></p>\n<p>{lines}</p>{page}\n"
