"""The agents of the cluster: who leads, and what they cannot see."""

from __future__ import annotations

from gitops_agent.server.views.application import Receiver
from gitops_agent.server.views.base import CannotSee, Time, View


class LeaseView(View):
    """The Lease of an agent."""

    namespace: str
    """The agent's namespace."""

    holder: str = ""
    """The replica that leads."""

    since: Time = ""
    """Since when."""

    renewed_at: Time = ""
    """The last renewal."""

    duration_seconds: int = 0
    """How long after it the holder is believed to lead."""

    leads: bool = False
    """Whether the holder leads at the time of the answer."""


class RepositoryView(View):
    """A repository that Applications follow."""

    url: str
    """Its address, without credentials."""

    applications: int = 0
    """How many follow it."""

    polled_at: Time = ""
    """When it was last asked; empty when only its Applications' statuses are known."""

    pushed_at: Time = ""
    """When a webhook last named it, since the agent's start."""

    unavailable_since: Time = ""
    """Since when it cannot be read."""

    message: str = ""
    """Why it cannot."""


class NotifierTestView(View):
    """The last test message of a Notifier."""

    answered: str
    """The request that it answers."""

    at: Time = ""
    """When."""

    delivered: bool = False
    """Whether the receiver took it."""

    reason: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """For people."""


class NotifierView(View):
    """A Notifier and its delivery."""

    receiver: Receiver
    """Which one."""

    pending: int = 0
    """Messages that wait."""

    dropped: int = 0
    """Messages that were given up."""

    delivered_at: Time = ""
    """The last delivery."""

    delivered: int = 0
    """Messages that were delivered."""

    failed_at: Time = ""
    """The last failure."""

    failure: str = ""
    """Why it failed."""

    test: NotifierTestView | None = None
    """The last test message."""


class QueueView(View):
    """The work of the agent that answers."""

    ready: int = 0
    """Applications that wait for a worker."""

    working: int = 0
    """Applications that are worked on."""

    oldest_seconds: float = 0
    """How long the oldest has waited."""


class LoadView(View):
    """What the agent that answers does and needs."""

    reconciles: int = 0
    """Reconciles in the last minute."""

    api_requests: int = 0
    """Requests to the API server in the last hour, without those of viewers."""

    api_seconds: int = 0
    """How much of that hour was counted: less soon after a start."""

    memory_bytes: int | None = None
    """Resident memory of its process, without render workers; null where the system does not say."""


class ToolView(View):
    """A program or library."""

    name: str
    """Its name."""

    version: str
    """Its version."""


class AgentView(View):
    """The agents and their cluster."""

    version: str
    """Of the server that answers."""

    mode: str
    """`agent`, or `laptop` where `gitops-agent dashboard` serves."""

    cluster: str = ""
    """The name of the cluster: the context, or `server.clusterName`."""

    kubernetes: str = ""
    """The version of the API server."""

    leases: tuple[LeaseView, ...] = ()
    """The agents that run for the namespaces the viewer sees."""

    queue: QueueView | None = None
    """The work; null where the answer is not the agent's own."""

    load: LoadView | None = None
    """Its activity and memory; null where the answer is not the agent's own."""

    viewers: int = 0
    """Open streams."""

    cannot_see: tuple[CannotSee, ...] = ()
    """Kinds that the agent cannot read."""

    affected: int = 0
    """Applications whose message names one of them."""

    webhooks: bool | None = None
    """Whether the agent takes webhooks; null where the answer is not the agent's own."""

    repositories: tuple[RepositoryView, ...] = ()
    """What is followed."""

    notifiers: tuple[NotifierView, ...] = ()
    """What sends news."""

    tools: tuple[ToolView, ...] = ()
    """Programs the agent uses."""

    as_of: Time = ""
    """The server's time."""


class NotifierList(View):
    """The Notifiers and their delivery."""

    notifiers: tuple[NotifierView, ...] = ()
    """By name."""
