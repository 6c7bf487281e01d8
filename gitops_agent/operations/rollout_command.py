"""Commands a rollout by one annotation on its RolloutPolicy.

It is written only if the policy is still the one that was read, so a command is about what its author saw; it names the version
it is about, and the agent consumes a command about another one without effect.
"""

from __future__ import annotations

import uuid

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import ROLLOUT_POLICY
from gitops_agent.operations.identity import username
from gitops_agent.operations.requests import for_actor
from gitops_agent.rollout.command import COMMAND, Command, CommandKind, written
from gitops_agent.rollout.progress import RolloutProgress


def send(access: ClusterClient, policy: Object, order: CommandKind, *, reason: str = "") -> Command:
    """Writes a command to a policy as it was read.

    Args:
        access: the cluster.
        policy: the RolloutPolicy that the author saw.
        order: what.
        reason: why, for readers of the status.

    Raises:
        AgentError: the command makes no sense now (reason `CommandRefused`), or cannot be written.
        Conflict: the policy was changed meanwhile.
    """
    progress = RolloutProgress.of(policy)
    if refused := progress.refusal(order):
        raise AgentError(f"{progress.key}: {refused}", reason="CommandRefused")
    target = progress.state.target
    actor = access.actor
    by = str(actor) if actor is not None else username(access)
    command = Command(order=order, nonce=uuid.uuid4().hex, hash=target.hash if target else "", actor=by, reason=reason)
    annotations = {COMMAND: written(command), **(for_actor(actor) if actor is not None else {})}
    metadata = {"resourceVersion": policy["metadata"]["resourceVersion"], "annotations": annotations}
    access.objects.merge_patch(ROLLOUT_POLICY.named(progress.key.namespace, progress.key.name), {"metadata": metadata})
    return command
