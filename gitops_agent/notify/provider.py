"""What a notifier provider is, and how it reads credentials and answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.notify.message import Message

Credentials = Mapping[str, bytes]
"""The content of the Secret a Notifier names; empty when it names none."""


class Provider(Protocol):
    """One kind of receiver; a module with these functions is one."""

    def speaks_of(self, message: Message, spec: NotifierSpec) -> bool:
        """Whether this kind of receiver can represent the message."""
        ...

    def request(self, message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime) -> Request:
        """The request that sends the message.

        Args:
            message: what happened.
            text: the lines to show below the title: from the template, or the default ones.
            credentials: from the Secret.
            spec: of the Notifier.
            now: when it is sent, aware.

        Raises:
            AgentError: the credentials lack something (reason `SecretInvalid`).
        """
        ...

    def judge(self, answer: Answer) -> None:
        """Accepts the answer, or raises.

        Raises:
            DeliveryError: the receiver did not take the message.
        """
        ...


def everything(message: Message, spec: NotifierSpec) -> bool:
    """Every message is for this kind of receiver."""
    del message, spec
    return True


def address_of(credentials: Credentials, spec: NotifierSpec) -> str:
    """The address that is a credential itself, else the Notifier's.

    Raises:
        AgentError: there is none (reason `SecretInvalid`).
    """
    if url := credential(credentials, "address") or spec.address:
        return url
    raise AgentError("neither spec.address nor the key address of the Secret names a receiver", reason="SecretInvalid")


def credential(credentials: Credentials, name: str) -> str:
    """A credential as stripped text; empty when it is missing.

    Raises:
        AgentError: it cannot be sent in a header or an address (reason `SecretInvalid`).
    """
    try:
        value = credentials.get(name, b"").decode("utf-8").strip()
    except UnicodeDecodeError:
        value = "\n"
    if not value.isprintable() or not value.isascii():
        raise AgentError(f"the key {name} of the Secret holds characters that no credential has", reason="SecretInvalid")
    return value


def judge_status(answer: Answer) -> None:
    """The verdict of the HTTP status alone.

    2xx is success, 408, 429 and 5xx may pass later, everything else will not.

    Raises:
        DeliveryError: for everything but success.
    """
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - HTTP
        return
    if 300 <= status < 400:  # noqa: PLR2004 - HTTP
        raise DeliveryError(f"the receiver answered {status}: redirects are not followed", transient=False, status=status)
    transient = status in {408, 425, 429} or status >= 500  # noqa: PLR2004 - HTTP
    text = " ".join(answer.body[:300].decode("utf-8", "replace").split())
    message = f"the receiver answered {status}" + (f": {text[:200]}" if text else "")
    raise DeliveryError(message, transient=transient, retry_after=retry_after(answer), status=status)


def retry_after(answer: Answer) -> float | None:
    """Seconds of a numeric Retry-After header; dates use the ordinary back-off."""
    value = answer.headers.get("retry-after", "").strip()
    return float(value) if value.isascii() and value.isdigit() and len(value) < 10 else None  # noqa: PLR2004 - three centuries
