"""Requests of providers, as a Notifier with a Secret makes them."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import orjson

from gitops_agent.httpclient.message import Request
from gitops_agent.notify.commit_status import CommitState, CommitStatus
from gitops_agent.notify.message import Message
from tests.notify.builders import COMMIT, NOON, message, spec

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


def shown(
    forge: ModuleType,
    secret: dict[str, bytes],
    url: str,
    state: CommitState = CommitState.FAILURE,
    **fields: Any,
) -> Request:
    """The request of a forge for the status of a commit."""
    wanted = spec(forge.__name__.rpartition(".")[2], **fields)
    assert forge.serves(url, wanted)
    request = forge.status(commit_status(url, state), secret, wanted)
    assert isinstance(request, Request)
    return request


def commit_status(
    url: str = "https://github.com/acme/config.git", state: CommitState = CommitState.FAILURE, **fields: Any
) -> CommitStatus:
    """A status of a commit."""
    known: dict[str, Any] = {"name": "gitops-agent/prod-eu", "description": "2 degraded: pay, shop"}
    return CommitStatus(repository=url, commit=COMMIT, state=state, **known | fields)
