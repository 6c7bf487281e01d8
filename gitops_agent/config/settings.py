"""The settings of the agent, by topic.

A name carries its unit, a docstring says what the value is good for. There are no secrets among the settings.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator
from pydantic.alias_generators import to_camel, to_snake

from gitops_agent.config.dashboard import LOCAL_HOSTS, DashboardSettings, OidcSettings
from gitops_agent.config.directories import user_cache
from gitops_agent.config.section import Section, Texts

PREFIX = "GITOPS_AGENT_"
SECTION_MARK = "__"


def _agent_cache() -> Path:
    return user_cache() / "agent"


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _parsed(value: object) -> object:
    """A list as it is; a text read as JSON."""
    return json.loads(value) if isinstance(value, str) else value


def _snake_names(value: object) -> object:
    """A map with snake-case names; other values unchanged."""
    return {to_snake(str(name)): item for name, item in value.items()} if isinstance(value, dict) else value


class AgentSettings(Section):
    """What all Applications together may do."""

    deletion_budget: Annotated[int, Field(ge=0, le=1_000_000)] = 20
    """Objects that all Applications together may lose in a window without approval; the larger one of this and
    `deletionBudgetPercent` counts."""

    deletion_budget_percent: Annotated[int, Field(ge=0, le=100)] = 10
    """Percent of the live objects of all Applications that they may lose in a window without approval."""

    deletion_window_seconds: Annotated[float, Field(gt=0, le=604_800)] = 600.0
    """How long a deletion counts towards the budget."""


class ClusterSettings(Section):
    """Which cluster, and as whom."""

    kubeconfig: Path | None = None
    """A kubeconfig file; when absent KUBECONFIG, then the pod's own ServiceAccount, then `~/.kube/config`."""

    context: str | None = None
    """A context of the kubeconfig; its current one when absent."""

    namespace: str = "gitops-system"
    """The namespace of the agent itself: its lease lies there, and nothing in it is ever pruned."""

    name: Annotated[str, Field(pattern=r"^([A-Za-z0-9_.-]+)?$", max_length=63)] = ""
    """What people call the cluster, such as `prod-eu`: in the names of commit statuses, and as the environment of deployments.
    The first eight digits of its UID when empty."""

    uid: str = ""
    """The UID of the namespace `kube-system` of the only cluster the agent works in; it ends in another one. Any when empty."""


class SourceSettings(Section):
    """Git repositories."""

    allow_file: bool = False
    """Whether `file://` repositories may be read; off, because they are files of the agent's own machine."""

    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long one git command may take."""

    allowed_repositories: Texts = ()
    """Patterns of repository URLs that Applications may follow, such as `https://git.example.com/team/*`; all when empty."""

    allowed_secret_hosts: Texts = ()
    """Patterns of Git hosts to which credentials of Secrets may be sent, such as `*.example.com`; all when empty. The
    annotation `gitops-agent.dev/allowed-hosts` on a Secret narrows this down for it."""

    cache_dir: Path = Field(default_factory=_agent_cache)
    """Mirrors and renders; may vanish at any time. The user's cache directory when absent."""


class RenderSettings(Section):
    """What helm and kustomize may use."""

    concurrency: Annotated[int, Field(ge=1, le=256)] = Field(default_factory=_cores)
    """Renders at one time; the number of cores when absent."""

    timeout_seconds: Annotated[float, Field(gt=0, le=3600)] = 60.0
    """How long one render may take."""

    memory_mib: Annotated[int, Field(ge=64)] = 1024
    """Resident memory of one render."""

    output_mib: Annotated[int, Field(ge=1, le=1024)] = 64
    """What one render may print."""

    max_files: Annotated[int, Field(ge=1)] = 10_000
    """Files one render may read."""

    helm: Path | None = None
    """The helm program; looked for on PATH and in the tool cache when absent."""

    kustomize: Path | None = None
    """The kustomize program; likewise."""

    plaintext_on_disk: bool = False
    """Whether decrypted files may be copied for helm and kustomize where scratch files are on a disk."""

    socket: Path | None = None
    """Where `gitops-agent render-worker --socket` listens, in a container of its own; when absent, the agent starts it."""


class AnalysisSettings(Section):
    """Metrics of rollouts."""

    allowed_hosts: Texts = ()
    """Patterns of the hosts that metrics may be queried from, such as `prometheus.monitoring.svc`; all when empty. A policy
    that names another one is refused. The annotation `gitops-agent.dev/allowed-hosts` on a Secret narrows this down for it."""


class SyncSettings(Section):
    """How much is done at one time."""

    workers: Annotated[int, Field(ge=1, le=256)] = 16
    """Applications reconciled at one time."""

    apply_concurrency: Annotated[int, Field(ge=1, le=256)] = 16
    """Writes to the API server at one time."""

    approval: Literal["annotation", "trailer"] = "annotation"
    """What approves a held plan: only the annotation of the Application, so that RBAC decides, or also the trailer
    `Gitops-Agent-Approve` of a commit, so that everyone who may push may approve."""

    default_service_account: str = ""
    """ServiceAccount of Applications that name none, in their namespace; empty leaves them the agent's own rights."""

    require_service_account: bool = False
    """Whether Applications without a ServiceAccount are refused."""


_Expression = Annotated[str, Field(min_length=1, max_length=8192)]


class HealthExpression(Section):
    """The health expressions of a custom kind, shaped like Flux's."""

    api_version: Annotated[str, Field(min_length=1, max_length=317)]
    """Of the kind; its version does not matter."""

    kind: Annotated[str, Field(min_length=1, max_length=63)]
    """The kind."""

    current: _Expression
    """Holds for a Healthy object."""

    in_progress: _Expression | None = None
    """Holds for a Progressing object; asked first."""

    failed: _Expression | None = None
    """Holds for a Degraded object; asked second."""


class HealthSettings(Section):
    """The health of custom kinds."""

    expressions: Annotated[
        tuple[Annotated[HealthExpression, BeforeValidator(_snake_names)], ...], BeforeValidator(_parsed), Field(max_length=500)
    ] = ()
    """CEL expressions of custom kinds: a list of `apiVersion`, `kind`, `current`, `inProgress` and `failed`, in the environment
    and flags as JSON. They need the extra `cel` of the package."""


class LeaderSettings(Section):
    """Which of several replicas acts."""

    enabled: bool = True
    """Whether a lease decides; off only where there is one process for sure."""

    lease_name: Annotated[str, Field(min_length=1, max_length=253)] = "gitops-agent"
    """The Lease in `cluster.namespace`."""

    duration_seconds: Annotated[int, Field(ge=2, le=600)] = 12
    """How long a silent leader is believed in; a failover takes at most this and one renewal."""

    renew_seconds: Annotated[float, Field(gt=0, le=300)] = 2.0
    """How often the leader renews."""

    @model_validator(mode="after")
    def _renewals_fit(self) -> Self:
        if self.renew_seconds * 2 > self.duration_seconds:
            raise ValueError("renewSeconds is more than half of durationSeconds, so one lost request would lose the lease")
        return self


class ServerSettings(Section):
    """Health and metrics over HTTP."""

    address: str = "0.0.0.0"  # noqa: S104 - kubelet and Prometheus come from outside the pod
    """The address to listen on."""

    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    """The port to listen on; 0 takes a free one."""

    external_url: Annotated[
        str, Field(alias="externalURL", pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$", max_length=2048)
    ] = ""
    """Where people reach the dashboard, such as `https://gitops.example.com`: messages link to it,
    its name is one that the dashboard answers to, and with `https` browsers use nothing else for it."""


class WebhookSettings(Section):
    """Incoming webhooks of forges."""

    enabled: bool = False
    """Whether `POST /hooks/SENDER` is answered, by the leader."""

    address: str = "0.0.0.0"  # noqa: S104 - forges come from outside the pod
    """The address to listen on."""

    port: Annotated[int, Field(ge=0, le=65535)] = 9292
    """The port to listen on; 0 takes a free one."""

    secret: Annotated[str, Field(min_length=1, max_length=253)] = "gitops-agent-webhooks"  # noqa: S105 - the name of a Secret
    """The Secret in `cluster.namespace` with the secrets of the senders: a key for each sender, one secret a line."""


class ChatSettings(Section):
    """Commands from a chat."""

    slack: bool = False
    """Whether `POST /chat/slack` is answered, by the leader, where `webhooks.address` and `webhooks.port` listen."""

    secret: Annotated[str, Field(min_length=1, max_length=253)] = "gitops-agent-slack"  # noqa: S105 - the name of a Secret
    """The Secret in `cluster.namespace` with the signing secret of the Slack app, one a line, in the key `signing-secret`."""

    identities: Annotated[str, Field(min_length=1, max_length=253)] = "gitops-agent-chat-identities"
    """The ConfigMap in `cluster.namespace` that says, in the key `identities.yaml`, who a person is in the cluster."""

    buttons: bool = False
    """Whether messages of Slack Notifiers have buttons that ask the agent why an Application is as it is, or what waits for
    an approval. The Notifiers have to post as the app whose interactivity leads to `/chat/slack`."""

    four_eyes: bool = False
    """Whether the author of the newest commit may not approve its plan in a chat."""


class LogSettings(Section):
    """What is logged to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """What is not worth this much is left out."""

    format: Literal["auto", "json", "console"] = "auto"
    """`json`, `console`, or `auto`: console on a terminal, JSON elsewhere."""


class NotifySettings(Section):
    """Notifications."""

    outbox_limit: Annotated[int, Field(ge=1, le=64)] = 64
    """Messages kept for one receiver until they are delivered; the oldest give way. They are kept in the Notifier's status."""

    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10.0
    """How long a receiver may take."""

    allowed_hosts: Texts = ()
    """Patterns of the hosts that Notifiers may send to, such as `hooks.slack.com`; all when empty. The annotation
    `gitops-agent.dev/allowed-hosts` on a Secret narrows this down for it."""


class Settings(Section):
    """All settings of the agent."""

    agent: AgentSettings = AgentSettings()
    cluster: ClusterSettings = ClusterSettings()
    source: SourceSettings = Field(default_factory=SourceSettings)
    render: RenderSettings = Field(default_factory=RenderSettings)
    sync: SyncSettings = SyncSettings()
    health: HealthSettings = HealthSettings()
    analysis: AnalysisSettings = AnalysisSettings()
    leader: LeaderSettings = LeaderSettings()
    server: ServerSettings = ServerSettings()
    dashboard: DashboardSettings = DashboardSettings()
    oidc: OidcSettings = OidcSettings()
    webhooks: WebhookSettings = WebhookSettings()
    chat: ChatSettings = ChatSettings()
    log: LogSettings = LogSettings()
    notify: NotifySettings = NotifySettings()

    @model_validator(mode="after")
    def _sign_in_is_complete(self) -> Self:
        given = {
            "oidc.issuer": self.oidc.issuer,
            "oidc.clientID": self.oidc.client_id,
            "server.externalURL": self.server.external_url,
        }
        missing = [name for name, value in given.items() if not value]
        if self.dashboard.auth == "oidc" and missing:
            raise ValueError(f"dashboard.auth is oidc, which needs {', '.join(missing)}")
        host = urlsplit(self.server.external_url).hostname
        if self.dashboard.auth == "oidc" and self.server.external_url.startswith("http:") and host not in LOCAL_HOSTS:
            raise ValueError(
                "dashboard.auth is oidc, which needs https in server.externalURL: browsers keep no session without it"
            )
        return self

    @model_validator(mode="after")
    def _certificates_are_complete(self) -> Self:
        dashboard = self.dashboard
        if (dashboard.tls_certificate is None) != (dashboard.tls_key is None):
            raise ValueError("dashboard.tlsCertificate and dashboard.tlsKey need each other")
        if dashboard.auth == "proxy" and (dashboard.proxy_ca is None or dashboard.tls_certificate is None):
            raise ValueError(
                "dashboard.auth is proxy, which needs dashboard.proxyCA, dashboard.tlsCertificate and dashboard.tlsKey: "
                "the proxy proves itself by its client certificate"
            )
        if dashboard.auth != "proxy" and dashboard.proxy_ca is not None:
            raise ValueError("dashboard.proxyCA is for dashboard.auth: proxy")
        if any(name.startswith("system:") for name in (dashboard.guest_user, *dashboard.guest_groups)):
            raise ValueError("dashboard.guestUser, dashboard.guestGroups: names with system: belong to the cluster itself")
        return self


def paths() -> tuple[str, ...]:
    """The path of every setting, as in the file."""
    return tuple(spelled(section, name) for section, model in sections().items() for name in model.model_fields)


def spelled(section: str, name: str) -> str:
    """The path of a setting as in the file, however spelled."""
    model = sections().get(section)
    field = model.model_fields.get(to_snake(name)) if model is not None else None
    return f"{section}.{(field.alias if field is not None else None) or to_camel(to_snake(name))}"


def sections() -> dict[str, type[Section]]:
    """The sections by name."""
    return {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    }


def variable(path: str) -> str:
    """The environment variable of a path: `source.allowFile` is `GITOPS_AGENT_SOURCE__ALLOW_FILE`."""
    section, _, name = path.partition(".")
    return f"{PREFIX}{section.upper()}{SECTION_MARK}{to_snake(name).upper()}"
