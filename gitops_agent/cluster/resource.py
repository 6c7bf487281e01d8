"""A kind as served: where its objects live, and its verbs."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from gitops_agent.errors import Invalid
from gitops_agent.manifest.key import GroupKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One kind in one version.

    Attributes:
        group: the API group, empty for the core.
        version: the version, such as `v1`.
        kind: such as `Deployment`.
        plural: the name in paths, such as `deployments`.
        namespaced: whether its objects live in namespaces.
        verbs: what the server supports for it.
        singular: the lower-case singular name.
        short_names: what people type.
    """

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = frozenset()
    singular: str = ""
    short_names: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def group_kind(self) -> GroupKind:
        """The group and the kind."""
        return GroupKind(self.group, self.kind)

    @property
    def full_name(self) -> str:
        """`deployments.apps`, or `pods` for the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str | None = None, subresource: str | None = None) -> str:
        """The path of a collection, an object, or its subresource.

        That of all namespaces when `namespace` is empty.

        Raises:
            Invalid: one object of a namespaced kind is meant but no namespace is given.
        """
        parts = [f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"]
        if self.namespaced and namespace:
            parts.append(f"namespaces/{quote(namespace, safe='')}")
        elif self.namespaced and name is not None:
            raise Invalid(f"{self.group_kind} {name} needs a namespace", code="NamespaceRequired")
        parts.append(self.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if subresource is not None:
            parts.append(subresource)
        return "/".join(parts)
