"""Reads the served kinds: aggregated discovery, or a request per group version."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import ClusterError, Forbidden, NotFound, Unavailable
from gitops_agent.manifest.key import GroupKind, Object

_AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)
_DOES_NOT_ANSWER = "the API server behind {} does not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Every resource in order of preference, and the unavailable groups with reasons.

    Attributes:
        resources: preferred versions of a kind come first.
        blind: group to reason.
    """

    resources: tuple[Resource, ...]
    blind: Mapping[str, str] = field(default_factory=dict)
    _by_kind: Mapping[GroupKind, tuple[Resource, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_kind: dict[GroupKind, tuple[Resource, ...]] = {}
        for resource in self.resources:
            by_kind[resource.group_kind] = (*by_kind.get(resource.group_kind, ()), resource)
        object.__setattr__(self, "_by_kind", by_kind)

    def find(self, group: str, kind: str, version: str | None = None) -> Resource | None:
        """The resource of a kind in one version, else the preferred one."""
        served = self._by_kind.get(GroupKind(group, kind), ())
        return next((resource for resource in served if version in (None, resource.version)), None)

    def versions(self, group: str, kind: str) -> tuple[str, ...]:
        """The versions a kind is served in, the preferred one first."""
        return tuple(resource.version for resource in self._by_kind.get(GroupKind(group, kind), ()))

    def similar(self, group: str, kind: str) -> tuple[str, ...]:
        """Up to two kinds that were probably meant, as `apps/v1 Deployment`.

        A kind of the same group with a similar name, else the same kind of a group that is easily confused with it: one of a
        similar name, or another built-in one.
        """
        here = {resource.kind: resource for resource in self.preferred() if resource.group == group}
        near = [here[name] for name in difflib.get_close_matches(kind, here, n=2, cutoff=0.75)]
        if not near:
            groups = {resource.group for resource in self.preferred()}
            alike = {*difflib.get_close_matches(group, groups, n=2, cutoff=0.85)} if group else set()
            alike |= {other for other in groups if _is_built_in(other)} if _is_built_in(group) else set()
            near = [resource for resource in self.preferred() if resource.kind == kind and resource.group in alike][:2]
        return tuple(f"{resource.api_version} {resource.kind}" for resource in near)

    def preferred(self) -> Iterator[Resource]:
        """Every kind once."""
        for served in self._by_kind.values():
            yield served[0]

    def lookup(self, name: str) -> Resource | None:
        """The resource a user's word means.

        The core group and built-in groups win over others, as the server orders them.
        """
        word, _, group = name.lower().partition(".")
        candidates = [resource for resource in self.preferred() if not group or resource.group == group]
        for names in (_formal, _short):
            for resource in candidates:
                if word in names(resource):
                    return resource
        return None

    def near(self, name: str) -> list[str]:
        """Up to three names that look like this one."""
        full_names = {word: resource.full_name for resource in self.preferred() for word in _formal(resource)}
        close = difflib.get_close_matches(name.lower().partition(".")[0], full_names, n=3)
        return list(dict.fromkeys(full_names[word] for word in close))


class Directory:
    """Reads catalogs, and caches the last answers with their entity tags.

    An unchanged answer is not sent again.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._answers: dict[str, tuple[str, Object]] = {}

    def read(self) -> Catalog:
        """The kinds of this moment.

        Raises:
            ClusterError: the server does not say which groups there are.
        """
        resources: list[Resource] = []
        blind: dict[str, str] = {}
        for path in ("/api", "/apis"):
            answer = self._ask(path)
            if answer.get("kind") == "APIGroupDiscoveryList":
                self._aggregated(answer, resources, blind)
            else:
                self._piecewise(path, answer, resources, blind)
        return Catalog(resources=tuple(resources), blind=blind)

    def _ask(self, path: str) -> Object:
        tag, catalog = self._answers.get(path, ("", {}))
        headers = {"if-none-match": tag} if tag else None
        answer = self._transport.exchange("GET", path, accept=_AGGREGATED, headers=headers)
        if answer.status == 304:  # noqa: PLR2004 - HTTP
            return catalog
        try:
            body = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            body = None
        if not isinstance(body, dict):
            raise Unavailable(f"{self._transport.host} does not say which kinds it serves", code="NotJSON")
        self._answers[path] = (answer.headers.get("etag", ""), body)
        return body

    @staticmethod
    def _aggregated(answer: Object, resources: list[Resource], blind: dict[str, str]) -> None:
        for item in answer.get("items") or ():
            group = str((item.get("metadata") or {}).get("name") or "")
            for version in item.get("versions") or ():
                if version.get("freshness") == "Stale":
                    blind[group] = _DOES_NOT_ANSWER.format(f"{group}/{version['version']}")
                    continue
                resources.extend(_resources(group, str(version["version"]), version.get("resources") or ()))

    def _piecewise(self, path: str, answer: Object, resources: list[Resource], blind: dict[str, str]) -> None:
        """One request a group version, for servers that do not aggregate."""
        if path == "/api":
            versions = [("", str(version)) for version in answer.get("versions") or ()]
        else:
            versions = [(str(group["name"]), version) for group in answer.get("groups") or () for version in _preference(group)]
        for group, version in versions:
            where = f"/apis/{group}/{version}" if group else f"/api/{version}"
            try:
                listed = self._transport.request("GET", where)
            except Forbidden as error:
                blind[group] = str(error)
                continue
            except (NotFound, Unavailable):
                blind[group] = _DOES_NOT_ANSWER.format(where.removeprefix("/apis/"))
                continue
            except ClusterError as error:
                blind[group] = str(error)
                continue
            plain = [item for item in listed.get("resources") or () if "/" not in item["name"]]
            resources.extend(_resources(group, version, plain))


def _resources(group: str, version: str, items: Iterable[Mapping[str, Any]]) -> Iterator[Resource]:
    """The resources of one group version, in either form of discovery.

    The two forms differ only in the names of their fields.
    """
    for item in items:
        kind = (item.get("responseKind") or {}).get("kind") or item.get("kind")
        verbs = frozenset(item.get("verbs") or ())
        if not kind or not verbs:
            continue
        yield Resource(
            group=group,
            version=version,
            kind=str(kind),
            plural=str(item.get("resource") or item.get("name")),
            namespaced=item["namespaced"] if "namespaced" in item else item.get("scope") == "Namespaced",
            verbs=verbs,
            singular=str(item.get("singularResource") or item.get("singularName") or str(kind).lower()),
            short_names=tuple(item.get("shortNames") or ()),
        )


def _preference(group: Mapping[str, Any]) -> list[str]:
    preferred = (group.get("preferredVersion") or {}).get("version")
    versions = [str(version["version"]) for version in group.get("versions") or ()]
    return sorted(versions, key=lambda version: version != preferred)


def _is_built_in(group: str) -> bool:
    """Whether the name of a group is one of Kubernetes' own."""
    return "." not in group or group.endswith(".k8s.io")


def _formal(resource: Resource) -> tuple[str, ...]:
    return resource.plural.lower(), resource.singular.lower(), resource.kind.lower()


def _short(resource: Resource) -> tuple[str, ...]:
    return resource.short_names
