"""`POST /hooks/SENDER` and `POST /chat/slack` over HTTP.

The size of a body and the number of bodies in memory are bounded before anything is read from one. Judging takes a thread,
since the first delivery waits for the watch of the Secret.
"""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gitops_agent.server.chat.slack_request import BODY_BYTES as CHAT_BYTES
from gitops_agent.server.chat.slack_request import SlackCall
from gitops_agent.server.webhooks.delivery import Delivery
from gitops_agent.server.webhooks.receiver import Verdict, WebhookReceiver

if TYPE_CHECKING:
    from gitops_agent.server.chat.slack_app import SlackChat

BODY_BYTES = 3 * 1024 * 1024
"""Of one delivery; forges send at most a few hundred commits."""
_BODIES = 8
_REFUSED = PlainTextResponse("unauthorized\n", status_code=401)
_BUSY_SECONDS = "5"

T = TypeVar("T")


class _Bodies:
    """Bodies that are in memory now, at most eight."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(_BODIES)

    def take(self) -> bool:
        return self._free.acquire(blocking=False)

    def give(self) -> None:
        self._free.release()


def webhook_app(receiver: WebhookReceiver | None, chat: SlackChat | None = None) -> Starlette:
    """The application that answers forges and Slack.

    Args:
        receiver: judges the deliveries of forges; None where they are off.
        chat: answers Slack; None where it is off.
    """
    bodies = _Bodies()

    async def deliver(request: Request) -> Response:
        async def judge(body: bytes) -> Verdict:
            assert receiver is not None  # noqa: S101 - for the type checker: the route is there
            delivery = Delivery(headers=_headers(request), body=body, at=datetime.now(UTC))
            return await run_in_threadpool(receiver.receive, request.path_params["sender"], delivery)

        return _answered(await _judged(request, bodies, BODY_BYTES, judge))

    async def converse(request: Request) -> Response:
        assert chat is not None  # noqa: S101 - likewise

        async def judge(body: bytes) -> Verdict | SlackCall:
            return await chat.judge(_headers(request), body)

        judged = await _judged(request, bodies, CHAT_BYTES, judge)
        if judged is Verdict.IGNORED:  # Slack wants nothing but 200
            return PlainTextResponse("")
        return await chat.run(judged) if isinstance(judged, SlackCall) else _answered(judged)

    async def elsewhere(_request: Request, _error: Exception) -> Response:
        return _REFUSED

    routes = [Route("/hooks/{sender:str}", deliver, methods=["POST"])] if receiver is not None else []
    routes += [Route("/chat/slack", converse, methods=["POST"])] if chat is not None else []
    return Starlette(routes=routes, exception_handlers={404: elsewhere, 405: elsewhere})


async def _judged(request: Request, bodies: _Bodies, most: int, judge: Callable[[bytes], Awaitable[T]]) -> T | Response:
    """What is made of a body, which counts as one in memory until then; a refusal where it cannot be read."""
    if not bodies.take():
        return _later("too many deliveries at once\n")
    try:
        body = await _body(request, most)
        return PlainTextResponse("too large\n", status_code=413) if body is None else await judge(body)
    except ClientDisconnect:
        return Response(status_code=400)
    finally:
        bodies.give()


async def _body(request: Request, most: int) -> bytes | None:
    """The body; None as soon as it is too large."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or len(announced) > 9 or int(announced) > most:  # noqa: PLR2004 - under a gigabyte
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _headers(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers.items()}


def _answered(judged: Verdict | Response) -> Response:
    if isinstance(judged, Response):
        return judged
    if judged is Verdict.REFUSED:
        return _REFUSED
    return _later("this replica follows\n") if judged is Verdict.NOT_LEADING else PlainTextResponse("ok\n", status_code=202)


def _later(text: str) -> Response:
    return PlainTextResponse(text, status_code=503, headers={"Retry-After": _BUSY_SECONDS})
