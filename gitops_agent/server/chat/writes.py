"""The writes of the commands, for a person whom the agent identified."""

from __future__ import annotations

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import Forbidden
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import APPLICATION, ROLLOUT_POLICY
from gitops_agent.operations.rollout_command import send
from gitops_agent.rollout.command import CommandKind
from gitops_agent.server.answers.actions import APPLICATION_ACTIONS
from gitops_agent.server.chat.commands import ChatCommand
from gitops_agent.server.chat.identities import Person
from gitops_agent.server.views import actions as views
from gitops_agent.server.views.base import View


def act(access: ClusterClient, command: ChatCommand, key: AppKey, *, approver: Person | None = None) -> tuple[Object, str]:
    """Writes what a command asks of an Application.

    Returns the object, and what was done.

    Args:
        access: the cluster as the leader, with the person for whom it writes.
        command: what is asked.
        key: the Application.
        approver: who may not have written the commit that is approved; None where that does not matter.

    Raises:
        UsageError: it makes no sense now.
        AgentError: it cannot be written, or the approver is its author.
    """
    live = access.objects.get(APPLICATION.named(key.namespace, key.name))
    if approver is not None and command.verb == "approve":
        refuse_author(live, approver)
    _, message = APPLICATION_ACTIONS[command.verb](access, live, _body(command, live))
    return live, f"application/{key.name}: {message}"


def order(access: ClusterClient, command: ChatCommand, key: AppKey) -> tuple[Object, str]:
    """Sends a command to a rollout; likewise.

    Raises:
        AgentError: it makes no sense now, or cannot be written.
    """
    kind = CommandKind.ABORT if command.verb == "abort" else CommandKind.PROMOTE if command.full else CommandKind.ADVANCE
    live = access.objects.get(ROLLOUT_POLICY.named(key.namespace, key.name))
    send(access, live, kind, reason=command.reason)
    return live, f"{key}: {kind} is requested"


def refuse_author(live: Object, person: Person) -> None:
    """Refuses an approval by who wrote the newest commit.

    Raises:
        Forbidden: they did, or nothing says under which names they commit.
    """
    if not person.authors:
        raise Forbidden(f"four eyes are demanded, and no authors are listed for {person.user}", status=403)
    author = str(((live.get("status") or {}).get("source") or {}).get("author") or "").casefold()
    name, _, address = author.rpartition(" <")
    names = {author, name, address.rstrip(">")} - {""}
    if not names or names & {each.casefold() for each in person.authors}:
        raise Forbidden(
            f"{person.user} wrote the newest commit: four eyes are demanded, so another person approves", status=403
        )


def _body(command: ChatCommand, live: Object) -> View:
    version = str(live["metadata"]["resourceVersion"])
    if command.verb == "pause":
        return views.PauseBody(resource_version=version, reason=command.reason, for_=command.duration)
    if command.verb == "approve":
        return views.ApproveBody(plan=command.plan)
    bodies = {"sync": views.SyncBody, "resume": views.ResumeBody, "retry": views.RetryBody}
    return bodies[command.verb](resource_version=version)
