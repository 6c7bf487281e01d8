"""Requests of providers, as a Notifier with a Secret makes them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import orjson

from gitops_agent.api.event_type import EventType
from gitops_agent.httpclient.message import Request
from gitops_agent.notify.message import Message
from tests.notify.builders import NOON, message, revision, spec

HOSTILE = "@everyone [click](https://evil) <script>"


def sent(
    provider: ModuleType, secret: dict[str, bytes], text: str = "the text", *, about: Message | None = None, **fields: Any
) -> Request:
    """The request of a provider."""
    wanted = spec(provider.__name__.rpartition(".")[2], **fields)
    about = about or message()
    assert provider.speaks_of(about, wanted)
    request = provider.request(about, text, secret, wanted, now=NOON)
    assert isinstance(request, Request)
    return request


def edited(provider: ModuleType, secret: dict[str, bytes], posted: str, text: str = "the text", **fields: Any) -> Request:
    """The request that edits a message."""
    wanted = spec(provider.__name__.rpartition(".")[2], **fields)
    request = provider.update(message(), text, posted, secret, wanted, now=NOON)
    assert isinstance(request, Request)
    return request


def document(request: Request) -> Any:
    """The JSON of a request."""
    return orjson.loads(request.body)


def of_repository(url: str, type_: EventType = EventType.DEGRADED) -> Message:
    """A message about a commit of a repository."""
    return message(type_, revision=revision(repository=url))
