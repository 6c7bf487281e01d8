"""The Application: applies a path of a repository to a namespace."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from gitops_agent.api.helm_values import ValuesKind
from gitops_agent.api.model import Model, Rule
from gitops_agent.api.render_options import HelmHooks, RenderOptions
from gitops_agent.api.source_options import SourceSpec, VerifyMode
from gitops_agent.api.sync_options import SyncSpec
from gitops_agent.api.texts import ClusterUID, Line, Name, NamespaceName
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.kinds import GROUP

VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
KIND = "Application"

_INSTANT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"


def _instant(value: Any) -> datetime:
    if isinstance(value, str) and re.fullmatch(_INSTANT, value, re.ASCII):
        with contextlib.suppress(ValueError):
            value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise PydanticCustomError("instant", "is not a moment such as 2026-12-01T08:00:00Z")
    return value.astimezone(UTC)


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": f"^{_INSTANT}$", "maxLength": 40}),
]
"""A moment with its time zone (RFC 3339); UTC in Python."""


class Destination(Model):
    """Where objects go that do not say so themselves."""

    namespace: NamespaceName | None = None
    """The namespace of objects that name none; the Application's own namespace when absent."""

    create_namespace: bool = False
    """Create that namespace where it is missing; it stays when the Application goes."""

    cluster_uid: Annotated[ClusterUID | None, Field(alias="clusterUID")] = None
    """The UID of the namespace `kube-system` of the only cluster this is for; the agent of another cluster refuses it."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.createNamespace) || !self.createNamespace || has(self.__namespace__)",
            holds=lambda destination: not destination.create_namespace or destination.namespace is not None,
            message="createNamespace needs a namespace",
        ),
    )


class Dependency(Model):
    """Another Application of the same namespace that must be ready first."""

    name: Name
    """Its name."""


class DeletionPolicy(StrEnum):
    """What happens to the objects when their Application goes."""

    PRUNE = "prune"
    ORPHAN = "orphan"


class Suspend(Model):
    """A pause: nothing is changed, drift is still reported."""

    until: Instant | None = None
    """When it ends by itself; never when absent."""

    reason: Line = ""
    """The reason, shown in the status."""


class ApplicationSpec(Model):
    """What is wanted."""

    source: SourceSpec
    """Where the manifests come from."""

    render: RenderOptions | None = None
    """How files become objects; detected when absent."""

    destination: Destination = Destination()
    """Where objects go that do not say so themselves."""

    service_account_name: Name | None = None
    """A ServiceAccount of the Application's namespace that is impersonated for every write of this application; watches are the
    agent's own."""

    sync: SyncSpec = SyncSpec()
    """When and how objects are brought to the cluster."""

    depends_on: Annotated[
        tuple[Dependency, ...],
        Field(max_length=64, json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}),
    ] = ()
    """Applications of the same namespace that must be ready first."""

    deletion_policy: DeletionPolicy = DeletionPolicy.PRUNE
    """`prune` (under the same guard) or `orphan`: what happens to the objects when this Application goes."""

    suspend: Suspend | None = None
    """A pause."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="!has(self.source.chart) || !has(self.render) || !has(self.render.helm) || !has(self.render.helm.chart)",
            holds=lambda spec: (
                spec.source.chart is None or spec.render is None or spec.render.helm is None or spec.render.helm.chart is None
            ),
            message="takes source.chart or render.helm.chart, not both",
        ),
        Rule(
            cel="!has(self.source.verify) || !has(self.source.verify.mode) || self.source.verify.mode == 'none' "
            "|| !has(self.render) || !has(self.render.helm) || !has(self.render.helm.valuesFrom) "
            "|| self.render.helm.valuesFrom.all(source, source.kind != 'Git' || (has(source.ref) && has(source.ref.commit)))",
            holds=lambda spec: (
                spec.source.verify.mode is VerifyMode.NONE
                or spec.render is None
                or spec.render.helm is None
                or all(
                    source.kind is not ValuesKind.GIT or (source.ref is not None and source.ref.commit is not None)
                    for source in spec.render.helm.values_from
                )
            ),
            message="source.verify demands signatures, which valuesFrom of kind Git would bypass: name a commit in its ref",
        ),
    )

    @property
    def helm_hooks(self) -> HelmHooks:
        """How Helm's hooks are read."""
        helm = self.render.helm if self.render else None
        return helm.hooks if helm else HelmHooks.HELM


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """An Application as stored, with its spec parsed.

    Attributes:
        key: its namespace and name.
        uid: of this very object; another one of the same name has another.
        generation: counts changes of the spec.
        resource_version: of what was read.
        deleting: whether it has a deletion timestamp.
        annotations: requests and approvals are found here.
        finalizers: what holds its deletion back.
        spec: what is wanted.
        status: the raw status, as last written.
        raw: the whole object; never mutated.
    """

    key: AppKey
    uid: str
    generation: int
    resource_version: str
    deleting: bool
    annotations: dict[str, str]
    finalizers: tuple[str, ...]
    spec: ApplicationSpec
    status: Object = field(repr=False)
    raw: Object = field(repr=False)

    @property
    def namespace(self) -> str:
        """The namespace of objects that name none."""
        return self.spec.destination.namespace or self.key.namespace

    @property
    def user(self) -> str | None:
        """Whose rights its objects are written with; None for the agent's own."""
        name = self.spec.service_account_name
        return f"system:serviceaccount:{self.key.namespace}:{name}" if name else None

    def suspended(self, now: datetime) -> bool:
        """Whether a pause is in force; `now` is aware."""
        suspend = self.spec.suspend
        return suspend is not None and (suspend.until is None or now < suspend.until)
