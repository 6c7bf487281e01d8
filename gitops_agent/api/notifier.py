"""The Notifier: which events of which applications are sent where, and how."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from gitops_agent.api.event_type import EventType
from gitops_agent.api.model import Model, Rule
from gitops_agent.api.problems import read
from gitops_agent.api.source_options import SecretRef
from gitops_agent.api.texts import Shape
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.selector import matches_labels, meets

KIND = "Notifier"

_PASSWORD = r"^[a-z]+://[^/@]*:[^/@]*@"  # noqa: S105 - the pattern of a password in a URL
_LABEL_KEY = r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
_LABEL_VALUE = r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?"

LabelKey = Annotated[str, Shape(pattern=_LABEL_KEY, message="is not a label", longest=317)]
LabelValue = Annotated[str, Shape(pattern=_LABEL_VALUE, message="is not a value of a label", longest=63, shortest=0)]


class Provider(StrEnum):
    """The service that receives notifications."""

    WEBHOOK = "webhook"
    CLOUDEVENTS = "cloudevents"
    SLACK = "slack"
    TEAMS = "teams"
    DISCORD = "discord"
    MATTERMOST = "mattermost"
    GOOGLECHAT = "googlechat"
    TELEGRAM = "telegram"
    EMAIL = "email"
    PAGERDUTY = "pagerduty"
    ALERTMANAGER = "alertmanager"
    GRAFANA = "grafana"
    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    BITBUCKET = "bitbucket"
    AZUREDEVOPS = "azuredevops"


_WITH_SECRET = (
    Provider.TELEGRAM,
    Provider.EMAIL,
    Provider.PAGERDUTY,
    Provider.GRAFANA,
    Provider.GITHUB,
    Provider.GITLAB,
    Provider.GITEA,
    Provider.BITBUCKET,
    Provider.AZUREDEVOPS,
)
"""Providers that take nothing without credentials."""
_WITH_ADDRESS = (Provider.GRAFANA, Provider.GITEA)
"""Providers without a public server."""
_FORGES = (Provider.GITHUB, Provider.GITLAB, Provider.GITEA, Provider.BITBUCKET, Provider.AZUREDEVOPS)
"""Providers that show the statuses of commits."""
_WITH_DEPLOYMENTS = (Provider.GITHUB, Provider.GITLAB)
"""Forges that list deployments."""


class MessageStyle(StrEnum):
    """What becomes of the stages of a commit."""

    LIVING = "living"
    EACH = "each"


EDITED = (Provider.SLACK, Provider.DISCORD, Provider.MATTERMOST, Provider.TELEGRAM)
"""Providers whose messages can be edited."""


class Operator(StrEnum):
    """How a label is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


class Requirement(Model):
    """One condition on a label."""

    key: LabelKey
    """The label."""

    operator: Operator
    """How it is compared."""

    values: Annotated[tuple[LabelValue, ...], Field(max_length=64)] = ()
    """What it is compared with; only for In and NotIn."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
            holds=lambda requirement: (requirement.operator in {Operator.IN, Operator.NOT_IN}) == bool(requirement.values),
            message="In and NotIn need values, Exists and DoesNotExist take none",
        ),
    )

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels match; as in Kubernetes, NotIn matches an absent label."""
        return meets(self.key, self.operator, self.values, labels)


class LabelSelector(Model):
    """Which applications, by their labels; an empty selector means all."""

    match_labels: Annotated[dict[LabelKey, LabelValue], Field(max_length=64)] = Field(default_factory=dict)
    """Labels with exactly these values."""

    match_expressions: Annotated[tuple[Requirement, ...], Field(max_length=64)] = ()
    """Further conditions; all must be met."""

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet every condition."""
        return matches_labels(self.match_labels, labels) and all(
            requirement.matches(labels) for requirement in self.match_expressions
        )


class CommitStatusOptions(Model):
    """The statuses that a forge shows beside a commit."""

    name: (
        Annotated[
            str, Shape(pattern=r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", message="is not a name such as gitops/prod", longest=128)
        ]
        | None
    ) = None
    """The name of the status of a commit as a whole; `gitops-agent/` and the setting `cluster.name` when absent."""

    per_application: Annotated[int, Field(ge=0, le=50)] = 10
    """How many Applications a commit may touch at most for each of them to get a status too."""

    deployments: bool = False
    """Whether each commit is a deployment to an environment too; on GitHub and GitLab."""

    environment: (
        Annotated[
            str, Shape(pattern=r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", message="is not a name such as production", longest=128)
        ]
        | None
    ) = None
    """The environment of deployments; the setting `cluster.name` when absent."""


class NotifierSpec(Model):
    """The provider, its address, and the events sent to it."""

    provider: Provider
    """The kind of provider."""

    address: (
        Annotated[
            str,
            Shape(pattern=r"(https?|smtps?)://[^\s\x00-\x1f\x7f]+", message="is not an http or https address", longest=2048),
        ]
        | None
    ) = None
    """Where to: the webhook's URL, or another API than the provider's public one. For e-mail `smtps://` (TLS, port 465) or
    `smtp://` (STARTTLS, port 587) and the server. Put a secret address into the Secret."""

    secret_ref: SecretRef | None = None
    """Credentials: `token`, or `address`; for webhooks and CloudEvents also `hmac`, the key payloads are signed with.
    For e-mail `from` and `to`, mostly with `username` and `password`. For Telegram `token` and `chat`, for Bitbucket and
    Alertmanager `token`, or `username` and `password`."""

    events: Annotated[tuple[EventType, ...], Field(max_length=64)] = ()
    """Which edges; empty means those a person on call wants: failures, recoveries, drift, what is held, how rollouts end."""

    applications: LabelSelector = LabelSelector()
    """Which applications of the Notifier's namespace, by their labels."""

    template: Annotated[str, Field(min_length=1, max_length=16384)] | None = None
    """The text of a message: Jinja2, sandboxed. The provider's own form when absent."""

    repository: (
        Annotated[
            str,
            Shape(pattern=r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+", message="is not a repository such as owner/name", longest=256),
        ]
        | None
    ) = None
    """The repository commit statuses are posted to; the one of the application's source when absent."""

    messages: MessageStyle | None = None
    """`living`: progress of a commit edits its message, and only what needs a person is posted anew. `each`: every event is a
    message. Living when absent, where the provider and the credentials can edit: with tokens of bots for Slack and Mattermost,
    for Discord and for Telegram."""

    commit_status: CommitStatusOptions | None = None
    """How forges show commits; `events` and `template` are for the other providers."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel=f"!has(self.messages) || self.messages == 'each' || self.provider in {[provider.value for provider in EDITED]}",
            holds=lambda spec: spec.messages is not MessageStyle.LIVING or spec.provider in EDITED,
            message="messages of this provider cannot be edited: leave messages out, or say each",
        ),
        Rule(
            cel="has(self.address) || has(self.secretRef)",
            holds=lambda spec: spec.address is not None or spec.secret_ref is not None,
            message="needs an address or a secretRef",
        ),
        Rule(
            cel=f"!(self.provider in {[provider.value for provider in _WITH_SECRET]}) || has(self.secretRef)",
            holds=lambda spec: spec.provider not in _WITH_SECRET or spec.secret_ref is not None,
            message="this provider needs a secretRef with its credentials",
        ),
        Rule(
            cel=f"!(self.provider in {[provider.value for provider in _WITH_ADDRESS]}) || has(self.address)",
            holds=lambda spec: spec.provider not in _WITH_ADDRESS or spec.address is not None,
            message="this provider needs the address of the server",
        ),
        Rule(
            cel="(self.provider == 'email') == (has(self.address) && self.address.startsWith('smtp'))",
            holds=lambda spec: (spec.provider is Provider.EMAIL) == (spec.address or "").startswith("smtp"),
            message="e-mail needs the address of a server, such as smtps://smtp.example.com; all others are http or https",
        ),
        Rule(
            cel=f"!has(self.address) || !self.address.matches(r'{_PASSWORD}')",
            holds=lambda spec: spec.address is None or re.search(_PASSWORD, spec.address) is None,
            message="address holds a password: put it into a Secret and name that in secretRef",
        ),
        Rule(
            cel=f"!has(self.commitStatus) || self.provider in {[provider.value for provider in _FORGES]}",
            holds=lambda spec: spec.commit_status is None or spec.provider in _FORGES,
            message="commitStatus is for forges",
        ),
        Rule(
            cel=f"!has(self.commitStatus) || !has(self.commitStatus.deployments) || !self.commitStatus.deployments"
            f" || self.provider in {[provider.value for provider in _WITH_DEPLOYMENTS]}",
            holds=lambda spec: not spec.statuses.deployments or spec.provider in _WITH_DEPLOYMENTS,
            message="deployments are listed by GitHub and GitLab only",
        ),
    )

    @property
    def statuses(self) -> CommitStatusOptions:
        """How a forge shows commits."""
        return self.commit_status or CommitStatusOptions()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifier:
    """A Notifier as stored, with its spec parsed.

    Attributes:
        key: its namespace and name.
        uid: of this very object.
        generation: counts changes of the spec.
        deleting: whether it has a deletion timestamp.
        spec: the desired state.
        status: the raw status, as last written.
        raw: the whole object; never mutated.
    """

    key: AppKey
    uid: str
    generation: int
    deleting: bool
    spec: NotifierSpec
    status: Object = field(repr=False)
    raw: Object = field(repr=False)


def parse(obj: Object) -> Notifier:
    """The notifier a stored object describes.

    Raises:
        SpecInvalid: with every problem of the spec; no other error, whatever the spec holds.
    """
    spec = read(NotifierSpec, obj.get("spec") or {}, root="spec")
    metadata = obj.get("metadata") or {}
    generation = metadata.get("generation")
    return Notifier(
        key=AppKey(str(metadata.get("namespace") or ""), str(metadata.get("name") or "")),
        uid=str(metadata.get("uid") or ""),
        generation=generation if isinstance(generation, int) else 0,
        deleting=metadata.get("deletionTimestamp") is not None,
        spec=spec,
        status=obj.get("status") or {},
        raw=obj,
    )
