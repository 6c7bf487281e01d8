"""Sends commands to a rollout: check, write, await the effect.

An order is one annotation on the policy, written only if the policy is still the one that was read, so an order is about
what its author saw. It names the version it is about; the agent consumes an order about another one without effect. What became
of it is read from the state: a nonce that is there was consumed.
"""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.api.rollout_policy import KIND
from gitops_agent.cli import output as out
from gitops_agent.cli.watch_until import until
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, Conflict
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import GROUP
from gitops_agent.manifest.marks import annotation
from gitops_agent.operations.rollout_command import send
from gitops_agent.rollout.command import COMMAND, Command, CommandKind, read
from gitops_agent.rollout.command_rules import done
from gitops_agent.rollout.progress import RolloutProgress

_TRIES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """Outcome of a command.

    Attributes:
        order: what was commanded.
        before: the rollout when it was ordered.
        after: the rollout once the order was consumed; None when no agent consumed it in time.
        effect: whether it did what it says.
    """

    order: CommandKind
    before: RolloutProgress
    after: RolloutProgress | None
    effect: bool = False


def give(access: ClusterClient, key: AppKey, order: CommandKind, *, reason: str = "", seconds: float) -> CommandResult:
    """Sends a command, and waits until the agent has taken it.

    Args:
        access: the cluster.
        key: of the policy.
        order: what.
        reason: why, for readers of the status.
        seconds: how long to wait for the agent; 0 does not wait.

    Raises:
        AgentError: the order makes no sense now (reason `CommandRefused`), or cannot be written.
    """
    for _ in range(_TRIES):
        raw = access.objects.get(ObjectKey(GROUP, KIND, key.namespace, key.name))
        try:
            command = send(access, raw, order, reason=reason)
        except Conflict:
            continue
        before = RolloutProgress.of(raw)
        _say_what_is_replaced(raw, before)
        return _taken(access, before, command, seconds) if seconds else CommandResult(order=order, before=before, after=None)
    raise AgentError(f"{key} changes too fast to record the command: try again", reason="Conflict")


def unanswered(access: ClusterClient, standing: RolloutProgress, seconds: float) -> str:
    """The message for a command that no agent took in time."""
    text = f"no agent took it within {seconds:g} s; it stays on the policy, and is followed once one does"
    application = standing.application
    if application is None:
        return f"{text}: no Application declares {standing.key}"
    try:
        live = access.objects.get(ObjectKey(GROUP, "Application", application.namespace, application.name))
    except AgentError:
        return text
    spec = live.get("spec") or {}
    if spec.get("suspend") is not None:
        return f"{text}: Application {application} is paused (`gitops-agent resume {application.name}`)"
    if (spec.get("sync") or {}).get("mode") == "observe":
        return f"{text}: Application {application} only observes (`spec.sync.mode`)"
    return f"{text}: does the agent run?"


def _taken(access: ClusterClient, before: RolloutProgress, command: Command, seconds: float) -> CommandResult:
    def consumed(obj: Object) -> bool:
        return command.nonce in RolloutProgress.of(obj).state.nonces

    consumed_policy = until(
        access, before.key.name, consumed, seconds=seconds, seen=lambda _: None, kind=KIND, namespace=before.key.namespace
    )
    if consumed_policy is None:
        return CommandResult(order=command.order, before=before, after=None)
    after = RolloutProgress.of(consumed_policy)
    return CommandResult(order=command.order, before=before, after=after, effect=done(command.order, before.state, after.state))


def _say_what_is_replaced(raw: Object, standing: RolloutProgress) -> None:
    """Reports an untaken earlier command, since one annotation holds one."""
    earlier = read(annotation(raw, COMMAND))
    if earlier is not None and earlier.nonce not in standing.state.nonces:
        by = f" by {earlier.actor}" if earlier.actor else ""
        out.talk(out.line(f"this replaces `{earlier.order}`{by}, which no agent has taken"))
