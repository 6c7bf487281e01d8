"""The identity of an object: group, kind, namespace and name.

The version is a view, not an identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

Object: TypeAlias = dict[str, Any]
"""A raw Kubernetes object, as parsed from YAML or JSON."""


class GroupKind(NamedTuple):
    """An API group and a kind; prints as `apps/Deployment` or `Service`."""

    group: str
    kind: str

    def named(self, namespace: str, name: str) -> ObjectKey:
        """The key of one object of this kind."""
        return ObjectKey(self.group, self.kind, namespace, name)

    def __str__(self) -> str:
        return f"{self.group}/{self.kind}" if self.group else self.kind


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """Names one object of a cluster; `namespace` is empty for cluster-scoped kinds.

    Prints, and parses, as `apps/Deployment:shop/web`, `Service:shop/web`, `Namespace:shop`.
    """

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, obj: Object) -> ObjectKey:
        """The key of an object; missing parts become empty strings."""
        metadata = obj.get("metadata") or {}
        group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
        del version
        return cls(group, str(obj.get("kind") or ""), str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))

    @classmethod
    def parse(cls, text: str) -> ObjectKey:
        """The key printed as `text`.

        Raises:
            ValueError: the text is no key.
        """
        kind_part, colon, rest = text.partition(":")
        group, _, kind = kind_part.rpartition("/")
        namespace, _, name = rest.rpartition("/")
        if not colon or not kind or not name:
            raise ValueError(f"{text!r} is not of the form group/Kind:namespace/name")
        return cls(group, kind, namespace, name)

    @property
    def group_kind(self) -> GroupKind:
        """The group and the kind."""
        return GroupKind(self.group, self.kind)

    def __str__(self) -> str:
        name = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.group_kind}:{name}"


class AppKey(NamedTuple):
    """Names one Application; prints as `gitops-system/shop`."""

    namespace: str
    name: str

    @classmethod
    def parse(cls, text: str) -> AppKey:
        """The key printed as `text`.

        Raises:
            ValueError: the text has no slash.
        """
        namespace, slash, name = text.partition("/")
        if not slash or not namespace or not name:
            raise ValueError(f"{text!r} is not of the form namespace/name")
        return cls(namespace, name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
