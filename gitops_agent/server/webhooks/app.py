"""`POST /hooks/SENDER` over HTTP.

The size of a body and the number of bodies in memory are bounded before anything is read from one. Judging takes a thread,
since the first delivery waits for the watch of the Secret.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gitops_agent.server.webhooks.delivery import Delivery
from gitops_agent.server.webhooks.receiver import Verdict, WebhookReceiver

BODY_BYTES = 3 * 1024 * 1024
"""Of one delivery; forges send at most a few hundred commits."""
_BODIES = 8
_REFUSED = PlainTextResponse("unauthorized\n", status_code=401)
_BUSY_SECONDS = "5"


class _Bodies:
    """Bodies that are in memory now, at most eight."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(_BODIES)

    def take(self) -> bool:
        return self._free.acquire(blocking=False)

    def give(self) -> None:
        self._free.release()


def webhook_app(receiver: WebhookReceiver) -> Starlette:
    """The application that answers the deliveries of forges.

    Args:
        receiver: judges them.
    """
    bodies = _Bodies()

    async def deliver(request: Request) -> Response:
        if not bodies.take():
            return _later("too many deliveries at once\n")
        try:
            body = await _body(request)
            if body is None:
                return PlainTextResponse("too large\n", status_code=413)
            headers = {name.lower(): value for name, value in request.headers.items()}
            delivery = Delivery(headers=headers, body=body, at=datetime.now(UTC))
            verdict = await run_in_threadpool(receiver.receive, request.path_params["sender"], delivery)
        except ClientDisconnect:
            return Response(status_code=400)
        finally:
            bodies.give()
        if verdict is Verdict.REFUSED:
            return _REFUSED
        return (
            _later("this replica follows\n") if verdict is Verdict.NOT_LEADING else PlainTextResponse("ok\n", status_code=202)
        )

    async def elsewhere(_request: Request, _error: Exception) -> Response:
        return _REFUSED

    return Starlette(
        routes=[Route("/hooks/{sender:str}", deliver, methods=["POST"])], exception_handlers={404: elsewhere, 405: elsewhere}
    )


async def _body(request: Request) -> bytes | None:
    """The body; None as soon as it is too large."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdigit() or len(announced) > 9 or int(announced) > BODY_BYTES:  # noqa: PLR2004 - under a gigabyte
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES:
            return None
    return bytes(body)


def _later(text: str) -> Response:
    return PlainTextResponse(text, status_code=503, headers={"Retry-After": _BUSY_SECONDS})
