"""Sends late answers to the address that Slack gave for them.

Problem: a request names an address that the agent calls. Decision: only Slack's own host over TLS, whatever a body says; five
attempts at most, as Slack allows, and none after half an hour.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from gitops_agent.backoff import Backoff
from gitops_agent.errors import AgentError
from gitops_agent.httpclient.allowed_hosts import AllowedHosts
from gitops_agent.httpclient.client import HttpClient
from gitops_agent.httpclient.message import Answer, DeliveryError, Request
from gitops_agent.httpclient.retry_after import retry_after
from gitops_agent.observe.log import logger
from gitops_agent.server.chat.slack_text import ChatReply, body_of

SLACK = "https://hooks.slack.com/"
"""What an address begins with."""
HOST = "hooks.slack.com"
_ATTEMPTS = 5
_LONGEST_SECONDS = 60.0
_TIMEOUT_SECONDS = 10.0
_BACKOFF = Backoff(first_seconds=1.0, longest_seconds=30.0)
_log = logger("chat")


def client() -> HttpClient:
    """Sends to Slack and to no other host."""
    hosts = AllowedHosts(patterns=(HOST,), subject="an answer", rule="the address of answers")
    return HttpClient(timeout_seconds=_TIMEOUT_SECONDS, hosts=hosts)


class ResponseUrls:
    """Sends answers; thread-safe.

    Args:
        origin: what every address has to begin with.
        backoff: between attempts.
    """

    def __init__(self, origin: str = SLACK, backoff: Backoff = _BACKOFF) -> None:
        self._origin, self._backoff = origin, backoff
        self._stopping = threading.Event()

    def send(self, address: str, reply: ChatReply) -> bool:
        """Sends an answer; whether it arrived.

        Args:
            address: as the request named it.
            reply: the answer.
        """
        if not address.startswith(self._origin):
            _log.warning("the answer to a chat command is dropped: its address is not Slack's")
            return False
        headers = {"Content-Type": "application/json; charset=utf-8"}
        request = Request(method="POST", url=address, headers=headers, body=body_of(reply))
        for failures in range(1, _ATTEMPTS + 1):
            try:
                return self._attempt(request)
            except AgentError as error:
                _log.warning("the answer to a chat command was not taken", error=error, attempt=failures)
                pause = self._backoff.pause(failures, at_least=getattr(error, "retry_after", None) or 0.0)
                if not error.transient or failures == _ATTEMPTS or self._stopping.wait(min(pause, _LONGEST_SECONDS)):
                    return False
        return False

    def stop(self) -> None:
        """Ends the pauses between attempts."""
        self._stopping.set()

    def _attempt(self, request: Request) -> bool:
        sender = client() if self._origin == SLACK else HttpClient(timeout_seconds=_TIMEOUT_SECONDS)
        answer: Answer = sender.send(request)
        if answer.status >= 300:  # noqa: PLR2004 - HTTP
            transient = answer.status == 429 or answer.status >= 500  # noqa: PLR2004 - HTTP
            pause = retry_after(answer.headers, datetime.now(UTC))
            raise DeliveryError(f"Slack answered {answer.status}", transient=transient, retry_after=pause)
        return True
