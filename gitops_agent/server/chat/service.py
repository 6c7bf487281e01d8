"""Answers one command: who, whether they may, and what comes of it.

Every refusal is an answer that only the one who asked sees. What a person may not see reads as what is not there.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Protocol

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, Forbidden, NotFound, UsageError
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.observe.log import logger
from gitops_agent.observe.metrics import CHAT_COMMANDS
from gitops_agent.preview.comparison import PreviewTarget, compare
from gitops_agent.server.chat import reads, writes
from gitops_agent.server.chat.commands import ROLLOUTS, SLASH, ChatCommand, parsed
from gitops_agent.server.chat.identities import Identities, Person
from gitops_agent.server.chat.reviews import Reviews
from gitops_agent.server.chat.slack_request import SlackCall
from gitops_agent.server.chat.slack_text import ChatReply
from gitops_agent.server.http.limits import Rate
from gitops_agent.server.source import Source

_log = logger("chat")
_A_MINUTE = 30
"""Commands of one person in a minute."""


class ChatBackend(Protocol):
    """The agent behind the chat."""

    source: Source
    """Our resources."""

    files: bool
    """Whether repositories of the agent's own machine may be read."""

    four_eyes: bool
    """Whether the author of a commit may not approve."""

    def secrets(self) -> tuple[bytes, ...] | None:
        """Signing secrets; None for a follower."""

    def identities(self) -> Identities:
        """Who people are; raises while the list cannot be used."""

    def access(self) -> ClusterClient:
        """The cluster as the leader; raises on a follower."""

    def record(self, obj: Object, message: str) -> None:
        """Records what a person asked for as an Event of an object."""


class ChatService:
    """Answers commands; thread-safe.

    Args:
        backend: the agent.
    """

    def __init__(self, backend: ChatBackend) -> None:
        self._backend = backend
        self._lock, self._comparing = threading.Lock(), threading.Semaphore()
        self._rate = Rate(_A_MINUTE, 60.0)

    def answer(self, call: SlackCall) -> ChatReply:
        """The answer to a proven request."""
        command: ChatCommand | None = None
        try:
            person = self._backend.identities().person(call)
            self._count(person)
            access = self._backend.access()
            command = parsed(call.text, access.namespace)
            if call.button and not command.reads:
                raise UsageError(f"a click is not enough for this: type `{SLASH} {call.text.split()[0]}` …")
            reply = self._answer(replace(access, actor=person.actor), command, person)
        except AgentError as error:
            verdict = "refused" if isinstance(error, Forbidden | NotFound | UsageError) else "failed"
            _log.info(
                "chat command not done", command=command.verb if command else "", team=call.team, user=call.user, error=error
            )
            reply = ChatReply(title=f"error: {error}")
        else:
            verdict = "done"
        CHAT_COMMANDS.labels(command.verb if command else "unknown", verdict).inc()
        return reply

    def _answer(self, access: ClusterClient, command: ChatCommand, person: Person) -> ChatReply:
        reviews, source = Reviews(access, person), self._backend.source
        if command.verb == "help":
            return reads.help_text()
        if command.key is None:
            everywhere = AppKey(access.namespace, "")
            reviews.demand("list", "applications", everywhere)
            live = (source.application(key) for key in source.applications())
            return reads.overview([each for each in live if each is not None])
        if command.verb in ROLLOUTS:
            self._policy(command.key, reviews)
            reviews.demand_action(command.verb, "rolloutpolicies", command.key)
            return self._done(*writes.order(access, command, command.key), access, command)
        application = self._application(command.key, reviews)
        if command.reads:
            return self._read(access, command, application)
        reviews.demand_action(command.verb, "applications", command.key)
        approver = person if self._backend.four_eyes else None
        return self._done(*writes.act(access, command, command.key, approver=approver), access, command)

    def _read(self, access: ClusterClient, command: ChatCommand, application: Object) -> ChatReply:
        if command.verb == "diff":
            return self._difference(access, application)
        if command.verb == "why":
            return reads.why(application)
        if command.verb == "approve":
            return reads.waiting(application)
        return reads.detail(self._backend.source, application)

    def _difference(self, access: ClusterClient, application: Object) -> ChatReply:
        """The plan computed anew, one at a time."""
        if not self._comparing.acquire(blocking=False):
            raise AgentError("another comparison is under way: try again", reason="Throttled", transient=True)
        try:
            if str(application["spec"]["source"].get("repoURL") or "").startswith("file:") and not self._backend.files:
                raise Forbidden("file:// repositories are files of the agent's own machine: set source.allowFile", status=403)
            return reads.difference(application, compare(access, application, PreviewTarget()))
        finally:
            self._comparing.release()

    def _application(self, key: AppKey, reviews: Reviews) -> Object:
        allowed = reviews.may("get", "applications", key)
        application = self._backend.source.application(key)
        if application is None or not allowed:
            raise NotFound(f"there is no Application {key.name} in namespace {key.namespace} that you may see", status=404)
        return application

    def _policy(self, key: AppKey, reviews: Reviews) -> None:
        allowed = reviews.may("get", "rolloutpolicies", key)
        if self._backend.source.policy(key) is None or not allowed:
            raise NotFound(f"there is no RolloutPolicy {key.name} in namespace {key.namespace} that you may see", status=404)

    def _done(self, live: Object, message: str, access: ClusterClient, command: ChatCommand) -> ChatReply:
        _log.info("chat command done", command=command.verb, actor=str(access.actor), object=str(command.key))
        about = f", plan {command.plan[:12]}" if command.plan else f", {command.reason}" if command.reason else ""
        self._backend.record(live, f"{access.actor} asked for {command.verb}{about}")
        return ChatReply(title=message)

    def _count(self, person: Person) -> None:
        """Refuses a person who sends too many commands.

        Raises:
            AgentError: they wait (reason `Throttled`).
        """
        with self._lock:
            self._rate.check(str(person.actor), "commands")
            self._rate.count(str(person.actor))
