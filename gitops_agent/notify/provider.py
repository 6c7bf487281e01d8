"""What a notifier provider is, and how it reads credentials and answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import orjson

from gitops_agent.api.notifier import NotifierSpec
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.mail import Mail
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.manifest.key import Object
from gitops_agent.notify.message import Message

Credentials = Mapping[str, bytes]
"""The content of the Secret a Notifier names; empty when it names none."""


class Provider(Protocol):
    """One kind of receiver; a module with these functions is one."""

    def speaks_of(self, message: Message, spec: NotifierSpec) -> bool:
        """Whether this kind of receiver can represent the message."""
        ...

    def request(
        self, message: Message, text: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime
    ) -> Request | Mail:
        """The request or mail that sends the message.

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


class EditingProvider(Provider, Protocol):
    """A kind of receiver that can edit a message it took."""

    def edits(self, credentials: Credentials) -> bool:
        """Whether these credentials can edit messages."""
        ...

    def message_id(self, answer: Answer) -> str:
        """The id of the posted message; empty when it cannot be edited."""
        ...

    def update(
        self, message: Message, text: str, posted: str, credentials: Credentials, spec: NotifierSpec, *, now: datetime
    ) -> Request:
        """The request that replaces the content of a posted message.

        Args:
            message: what happened, as for `request`.
            text: the lines to show below the title.
            posted: an id that `message_id` returned, perhaps with other credentials, and that users can write.
            credentials: from the Secret.
            spec: of the Notifier.
            now: when it is sent, aware.

        Raises:
            DeliveryError: the credentials cannot edit it (not transient).
        """
        ...


def everything(message: Message, spec: NotifierSpec) -> bool:
    """Every message is for this kind of receiver."""
    del message, spec
    return True


def by_any(credentials: Credentials) -> bool:
    """Messages can be edited with whatever posts them."""
    del credentials
    return True


def by_bots(credentials: Credentials) -> bool:
    """Bots, which have a token, can edit; webhooks cannot."""
    return bool(credential(credentials, "token"))


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


def reply_of(answer: Answer) -> Object:
    """The JSON object of an answer; empty when it is none."""
    try:
        reply = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return reply if isinstance(reply, dict) else {}


def not_editable() -> DeliveryError:
    """The error for a message that is no longer edited."""
    return DeliveryError("the message cannot be edited", transient=False)


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
