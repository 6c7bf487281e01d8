"""Requests of Slack: proof, novelty, and what they ask.

Problem: the address is public, and what comes to it can approve a deletion. Decision: as for webhooks the proof comes before
the body is parsed, its time is signed, and a signature counts once. What a proven body says is still only read as far as it has
the expected types: ids are of Slack's alphabet, and texts are short.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import orjson

from gitops_agent.server.webhooks.delivery import Delivery, at, hmac_matches, text
from gitops_agent.server.webhooks.standard import recent

BODY_BYTES = 64 * 1024
"""Of one request; a command is a few hundred bytes, an interaction with a long message some thousand."""
FORM = "application/x-www-form-urlencoded"
_REMEMBERED = timedelta(minutes=10)
_MOST_SIGNATURES = 10_000
_MOST_FIELDS = 64
_PREFIX = "v0="
_ID = re.compile(r"[A-Z0-9]{2,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackCall:
    """One proven request.

    Attributes:
        team: the workspace it comes from.
        enterprise: the organization of that workspace; empty without one.
        user: who asks.
        home: the workspace of the user, where Slack names it; another one than `team` in a shared channel.
        text: what was typed after the command; of a button its value.
        button: whether a button was clicked. All who may post with buttons of the app choose its words and its value, so a
            click proves less than a typed command.
        response_url: takes an answer for half an hour.
    """

    team: str
    enterprise: str
    user: str
    home: str = ""
    text: str = ""
    button: bool = False
    response_url: str = field(default="", repr=False)

    @property
    def foreign(self) -> bool:
        """Whether the user belongs to another workspace."""
        return bool(self.home) and self.home != self.team


class Signatures:
    """Proves requests, each once; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: OrderedDict[str, datetime] = OrderedDict()

    def proven(self, delivery: Delivery, secrets: Sequence[bytes]) -> bool:
        """Whether Slack sent it, lately and for the first time.

        Args:
            delivery: the request.
            secrets: signing secrets, any of which may have been used.
        """
        stamp, signature = (delivery.header(f"x-slack-{name}") for name in ("request-timestamp", "signature"))
        if not signature.startswith(_PREFIX) or not recent(delivery, stamp):
            return False
        proof = signature.removeprefix(_PREFIX).lower()
        if not hmac_matches(secrets, f"v0:{stamp}:".encode() + delivery.body, proof):
            return False
        return self._first(proof, delivery.at)

    def _first(self, proof: str, now: datetime) -> bool:
        """Whether a proof is new; none is while too many are remembered."""
        with self._lock:
            while self._used and now - next(iter(self._used.values())) > _REMEMBERED:
                self._used.popitem(last=False)
            if proof in self._used or len(self._used) >= _MOST_SIGNATURES:
                return False
            self._used[proof] = now
            return True


def call_of(body: bytes) -> SlackCall | None:
    """What a proven body asks; None when it asks nothing.

    Total: whatever the body holds, nothing is raised.
    """
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        return None
    fields = dict(reversed(pairs))
    return _interaction(fields["payload"]) if "payload" in fields else _command(fields)


def _command(fields: dict[str, str]) -> SlackCall | None:
    team, user = _id(fields, "team_id"), _id(fields, "user_id")
    if not team or not user or "command" not in fields:
        return None
    return SlackCall(
        team=team,
        enterprise=_id(fields, "enterprise_id"),
        user=user,
        text=text(fields, "text"),
        response_url=text(fields, "response_url"),
    )


def _interaction(payload: str) -> SlackCall | None:
    """The first button of an interaction with a message."""
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    team, user = _id(document, "team", "id"), _id(document, "user", "id")
    if not team or not user or at(document, "type") != "block_actions":
        return None
    return SlackCall(
        team=team,
        enterprise=_id(document, "enterprise", "id") or _id(document, "team", "enterprise_id"),
        user=user,
        home=_id(document, "user", "team_id"),
        text=text(document, "actions", 0, "value"),
        button=True,
        response_url=text(document, "response_url"),
    )


def _id(document: Any, *path: str) -> str:
    value = text(document, *path)
    return value if _ID.fullmatch(value) else ""
