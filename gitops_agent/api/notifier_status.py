"""Status of a Notifier: its conditions and the notifications still to send."""

from __future__ import annotations

from pydantic import Field

from gitops_agent.api.model import Model
from gitops_agent.api.status import Conditions, Moment


class PendingMessage(Model):
    """A message that waits for its receiver."""

    id: str
    """The same for the same edge, so that a repeat is recognisable."""

    event: str
    """What kind of edge."""

    application: str
    """Whose: `namespace/name`."""

    at: Moment
    """When it happened."""

    not_before: Moment = ""
    """When a folded message may be sent."""

    severity: str = ""
    """info, warning or error."""

    reason: str = ""
    """A code from the table of reasons."""

    text: str = ""
    """For people."""

    repository: str = ""
    """The URL, without credentials."""

    ref: str = ""
    """What is followed."""

    commit: str = ""
    """The commit it is about."""

    author: str = ""
    """Of the commit."""

    subject: str = ""
    """Of the commit."""

    objects: tuple[str, ...] = ()
    """The objects it is about."""

    facts: dict[str, str] = Field(default_factory=dict)
    """Further values."""

    count: int = 1
    """How many identical edges it stands for."""


class MessageStep(Model):
    """A stage that a message has shown."""

    event: str
    """What kind of edge."""

    at: Moment
    """When it happened."""


class SentMessage(Model):
    """A message that is edited while its commit goes on."""

    application: str
    """Whose: `namespace/name`."""

    commit: str
    """The commit it is about."""

    id: str = ""
    """The id that the receiver gave it."""

    at: Moment = ""
    """When it was posted or edited last."""

    steps: tuple[MessageStep, ...] = ()
    """Its last stages, oldest first."""


class LastFailure(Model):
    """An attempt that the receiver did not take."""

    at: Moment = ""
    """When it failed."""

    reason: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """For people."""


class LastTest(Model):
    """What became of the last test message."""

    answered: str = ""
    """The value of the annotation `gitops-agent.dev/test-requested-at` that was answered."""

    at: Moment = ""
    """When."""

    delivered: bool = False
    """Whether the receiver took it."""

    reason: str = ""
    """A code from the table of reasons."""

    message: str = ""
    """For people."""


class CommitRecord(Model):
    """A commit that a forge shows a status of."""

    repository: str
    """The URL, without credentials."""

    commit: str
    """The full object name."""

    since: Moment = ""
    """When it was first seen."""

    sent: Moment = ""
    """When a status of it was sent last."""

    refs: dict[str, str] = Field(default_factory=dict)
    """What led to it, such as `branch main`, and the commit that led there before."""

    statuses: dict[str, str] = Field(default_factory=dict)
    """What was sent last: for the commit as a whole under an empty name, and by Application."""

    applications: dict[str, str] = Field(default_factory=dict)
    """The Applications that it touched, and how far it is in each."""

    compared: bool = False
    """Whether all Applications that it touched are known."""

    closed: bool = False
    """Whether nothing about it changes any more."""

    deployment: str = ""
    """The id of its deployment at the forge."""

    refused: bool = False
    """Whether the forge takes no status for it."""

    passed: bool = False
    """Whether its reference led further already when it was first seen."""


class NotifierStatus(Model):
    """Whether notifications are delivered."""

    observed_generation: int = 0
    """The generation of the spec that was acted on last."""

    conditions: Conditions = ()
    """Ready; Stalled while the spec is wrong."""

    last_delivery: Moment = ""
    """When a message was last accepted by the receiver."""

    last_failure: LastFailure | None = None
    """The last failure; it stays when later messages are delivered."""

    delivered: int = 0
    """How many messages the receiver accepted."""

    dropped: int = 0
    """How many messages were given up: refused for good, too old, or one too many waiting."""

    test: LastTest | None = None
    """The last test message, which `gitops-agent notify test` asks for."""

    messages: tuple[SentMessage, ...] = ()
    """Messages of the last day that can be edited; at most 64."""

    pending: tuple[PendingMessage, ...] = ()
    """Messages that wait for the receiver; at most 64."""

    commits: tuple[CommitRecord, ...] = ()
    """Commits that a forge shows a status of; at most 200."""
