"""Reads what a person typed after `/gitops`. Pure."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from gitops_agent.api.durations import parse_duration
from gitops_agent.errors import UsageError, did_you_mean
from gitops_agent.manifest.key import AppKey

SLASH = "/gitops"
FOREVER = "forever"
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_DIGITS = re.compile(r"[0-9a-f]{12,64}")
_LONGEST_REASON = 256

USAGE: dict[str, str] = {
    "status": "status [APP]",
    "why": "why APP",
    "diff": "diff APP",
    "sync": "sync APP",
    "pause": "pause APP 2h REASON",
    "resume": "resume APP",
    "retry": "retry APP",
    "approve": "approve APP [PLAN]",
    "promote": "promote NAMESPACE/ROLLOUT [full]",
    "abort": "abort NAMESPACE/ROLLOUT [REASON]",
    "help": "help",
}
"""The commands, and how each is typed."""

MEANING: dict[str, str] = {
    "status": "the Applications, unhealthy first, or one in detail",
    "why": "why an Application is not live, and what to do",
    "diff": "what a sync would change, without values",
    "sync": "fetch and reconcile now",
    "pause": "suspend for a while, such as 2h, or forever",
    "resume": "end a pause",
    "retry": "try a rejected commit again",
    "approve": "what waits for an approval; with twelve digits of its hash, approve it",
    "promote": "end the present step of a rollout; with full, all of them",
    "abort": "roll back to the stable version",
    "help": "this list",
}

_READS = frozenset({"status", "why", "diff", "help"})
ROLLOUTS = frozenset({"promote", "abort"})
"""Commands about a RolloutPolicy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCommand:
    """One command.

    Attributes:
        verb: one of `USAGE`.
        key: the Application or RolloutPolicy; None where the command names none.
        duration: of a pause.
        reason: why.
        plan: digits of the plan's hash; without them an approval shows what waits.
        full: whether all steps are skipped.
    """

    verb: str
    key: AppKey | None = None
    duration: str = ""
    reason: str = ""
    plan: str = ""
    full: bool = False

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.verb in _READS or (self.verb == "approve" and not self.plan)


def parsed(text: str, namespace: str) -> ChatCommand:
    """The command of a text.

    Args:
        text: as typed.
        namespace: of names without one.

    Raises:
        UsageError: it is no command.
    """
    verb, *words = text.split() or ["help"]
    verb = verb.lower()
    if verb not in USAGE:
        near = difflib.get_close_matches(verb, USAGE, n=1)
        raise UsageError(f"there is no command {verb[:40]}{did_you_mean(near) or f': `{SLASH} help` lists them'}")
    if verb == "help" or (verb == "status" and not words):
        return ChatCommand(verb=verb)
    if not words:
        raise _usage(verb)
    key = _key(words[0], namespace, verb)
    rest = words[1:]
    if verb == "pause":
        return _pause(key, rest)
    if verb == "approve":
        if rest and (len(rest) != 1 or not _DIGITS.fullmatch(rest[0].lower())):
            raise _usage(verb, "at least twelve digits of the hash")
        return ChatCommand(verb=verb, key=key, plan="".join(rest).lower())
    if verb == "abort":
        return ChatCommand(verb=verb, key=key, reason=_reason(rest))
    if verb == "promote" and rest == ["full"]:
        return ChatCommand(verb=verb, key=key, full=True)
    if rest:
        raise _usage(verb)
    return ChatCommand(verb=verb, key=key)


def _pause(key: AppKey, words: list[str]) -> ChatCommand:
    if len(words) < 2:  # noqa: PLR2004 - a duration and a reason
        raise _usage("pause", "how long, and why")
    if words[0] != FOREVER:
        try:
            parse_duration(words[0])
        except ValueError as error:
            raise _usage("pause", "a duration such as 2h, or forever") from error
    return ChatCommand(verb="pause", key=key, duration=words[0], reason=_reason(words[1:]))


def _reason(words: list[str]) -> str:
    return " ".join(words)[:_LONGEST_REASON]


def _key(word: str, namespace: str, verb: str) -> AppKey:
    where, slash, name = word.rpartition("/")
    if slash or verb not in ROLLOUTS:
        where = where if slash else namespace
        if _NAME.fullmatch(where) and _NAME.fullmatch(name):
            return AppKey(where, name)
    raise _usage(verb)


def _usage(verb: str, hint: str = "") -> UsageError:
    return UsageError(f"say `{SLASH} {USAGE[verb]}`{f': {hint}' if hint else ''}")
