"""Requests a test message of a Notifier, and reads the agent's answer."""

from __future__ import annotations

from dataclasses import dataclass

from gitops_agent.api.conditions import condition_of
from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.kinds import NOTIFIER
from gitops_agent.manifest.marks import TEST_REQUESTED
from gitops_agent.operations.requests import now


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of a test message.

    Attributes:
        delivered: whether the receiver took it.
        reason: a code from the table of reasons.
        message: for people.
    """

    delivered: bool
    reason: str
    message: str

    def check(self) -> None:
        """Accepts a delivery.

        Raises:
            AgentError: the message was not delivered.
        """
        if not self.delivered:
            raise AgentError(self.message, reason=self.reason)


def refuse_invalid(notifier: Object) -> None:
    """Refuses a test of a Notifier that the agent cannot follow.

    Raises:
        AgentError: why its present spec is invalid.
    """
    stalled = condition_of(notifier, "Stalled")
    if stalled.get("status") == "True" and stalled.get("observedGeneration") == notifier["metadata"].get("generation"):
        raise AgentError(str(stalled.get("message")), reason=str(stalled.get("reason")))


def request_test(access: ClusterClient, notifier: Object) -> str:
    """Requests a test message; returns the request."""
    requested_at, metadata = now(), notifier["metadata"]
    patch = {"metadata": {"annotations": {TEST_REQUESTED: requested_at}}}
    access.objects.merge_patch(NOTIFIER.named(str(metadata["namespace"]), str(metadata["name"])), patch)
    return requested_at


def answer(notifier: Object, request: str) -> Verdict | None:
    """The agent's answer to a request, None before there is one."""
    test = (notifier.get("status") or {}).get("test") or {}
    if test.get("answered") != request:
        return None
    return Verdict(
        delivered=test.get("delivered") is True, reason=str(test.get("reason") or ""), message=str(test.get("message") or "")
    )
