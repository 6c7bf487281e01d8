"""`POST /chat/slack` over HTTP.

Slack wants an answer within three seconds. What takes longer is answered with a word at once, and with the rest at the address
that the request gives. Commands run on threads of their own, a few at a time, so that a slow one keeps no webhook waiting.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from gitops_agent.observe.log import logger
from gitops_agent.observe.metrics import WEBHOOKS
from gitops_agent.server.chat.response_url import ResponseUrls
from gitops_agent.server.chat.service import ChatBackend, ChatService
from gitops_agent.server.chat.slack_request import FORM, Signatures, SlackCall, call_of
from gitops_agent.server.chat.slack_text import ChatReply, body_of
from gitops_agent.server.webhooks.delivery import Delivery
from gitops_agent.server.webhooks.receiver import Verdict

_THREADS = 4
_SENDERS = 2
_WAITING = 32
"""Commands that run or wait for a thread."""
_PATIENCE_SECONDS = 2.0
_FOLLOWS = ChatReply(title="The answer follows.")
_BUSY = ChatReply(title="error: too many commands at once: try again")
_log = logger("chat")


class SlackChat:
    """Judges requests of Slack, and runs their commands.

    Args:
        backend: the agent.
        late: sends answers that come late.
        patience_seconds: how long an answer may take before it counts as late.
    """

    def __init__(
        self, backend: ChatBackend, late: ResponseUrls | None = None, *, patience_seconds: float = _PATIENCE_SECONDS
    ) -> None:
        self._backend, self._service = backend, ChatService(backend)
        self._late, self._patience = late or ResponseUrls(), patience_seconds
        self._signatures = Signatures()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="chat")
        self._sending = ThreadPoolExecutor(_SENDERS, thread_name_prefix="chat-answers")
        self._free = threading.Semaphore(_WAITING)

    async def judge(self, headers: Mapping[str, str], body: bytes) -> SlackCall | Verdict:
        """What a request asks; a verdict where it is refused or asks nothing.

        Args:
            headers: with lower-case names.
            body: as it came.
        """
        delivery = Delivery(headers=headers, body=body, at=datetime.now(UTC))
        verdict, call = await run_in_threadpool(self._judge, delivery)
        WEBHOOKS.labels("slack", verdict.value).inc()
        return call or verdict

    async def run(self, call: SlackCall) -> Response:
        """The answer to what a request asks, or the word that it follows."""
        if not self._free.acquire(blocking=False):
            return _json(_BUSY)
        job = self._pool.submit(self._service.answer, call)
        job.add_done_callback(lambda _: self._free.release())
        if not call.button:  # what answers a click is never shown
            await asyncio.wait({asyncio.wrap_future(job)}, timeout=self._patience)
            if job.done():
                return _json(job.result())
        job.add_done_callback(lambda done: self._send(call, done))
        return PlainTextResponse("") if call.button else _json(_FOLLOWS)

    def stop(self) -> None:
        """Ends commands that wait, and pauses between attempts."""
        self._late.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._sending.shutdown(wait=False, cancel_futures=True)

    def _judge(self, delivery: Delivery) -> tuple[Verdict, SlackCall | None]:
        secrets = self._backend.secrets()
        if secrets is None:
            return Verdict.NOT_LEADING, None
        form = delivery.header("content-type").partition(";")[0].strip().lower() == FORM
        if not form or not secrets or not self._signatures.proven(delivery, secrets):
            _log.debug("a request of Slack is refused")  # a flood fills no log; the metric counts it
            return Verdict.REFUSED, None
        call = call_of(delivery.body)
        return (Verdict.IGNORED, None) if call is None else (Verdict.ACCEPTED, call)

    def _send(self, call: SlackCall, done: Future[ChatReply]) -> None:
        if not done.cancelled():
            self._sending.submit(self._late.send, call.response_url, done.result())


def _json(reply: ChatReply) -> Response:
    return Response(body_of(reply), media_type="application/json")
