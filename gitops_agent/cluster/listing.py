"""Lists in pages, completely or not at all.

A short list would look like deletions, so every doubt is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import Transport
from gitops_agent.errors import CannotSee, Unavailable
from gitops_agent.manifest.key import Object

_METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All objects of one list.

    Attributes:
        items: with kind and apiVersion set.
        resource_version: where a watch goes on without losing anything.
    """

    items: list[Object]
    resource_version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some objects of a list; `more` says whether others follow."""

    items: list[Object]
    resource_version: str
    more: bool


def read_list(transport: Transport, resource: Resource, **options: Any) -> Listing:
    """All pages; see `pages`."""
    items: list[Object] = []
    resource_version = ""
    for page in pages(transport, resource, **options):
        items += page.items
        # Every page of one list has the version of the first; where a server differs, the oldest one loses nothing.
        resource_version = resource_version or page.resource_version
    return Listing(items=items, resource_version=resource_version)


def pages(
    transport: Transport,
    resource: Resource,
    *,
    namespace: str = "",
    label_selector: str = "",
    field_selector: str = "",
    metadata_only: bool = False,
    limit: int = 500,
    timeout: float = 30.0,
    as_user: str | None = None,
) -> Iterator[Page]:
    """The pages of a list, one request each.

    Raises:
        Expired: a later page is no longer served.
        CannotSee: a page is damaged.
        ClusterError: the server refused or gave no answer.
    """
    path = resource.path(namespace)
    query = selectors(label_selector=label_selector, field_selector=field_selector) | {"limit": str(limit)}
    accept = _METADATA_LIST if metadata_only else "application/json"
    while True:
        try:
            answer = transport.request("GET", path, query=query, accept=accept, timeout=timeout, as_user=as_user)
        except Unavailable as error:
            if error.code != "NotJSON":
                raise
            answer = None
        page, token = _page(answer, resource)
        yield page
        if not token:
            return
        query["continue"] = token


def selectors(*, label_selector: str, field_selector: str) -> dict[str, str]:
    """The query parameters of selectors."""
    query = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: value for name, value in query.items() if value}


def _page(answer: Any, resource: Resource) -> tuple[Page, str]:
    name = resource.full_name
    if not isinstance(answer, dict) or not str(answer.get("kind") or "").endswith("List"):
        raise CannotSee(f"the list of {name} is damaged: the server answered with no list", kind=str(resource.group_kind))
    metadata = answer.get("metadata") or {}
    items = answer.get("items")
    if items is None and "items" in answer:
        items = []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise CannotSee(f"the list of {name} is damaged: it has no items", kind=str(resource.group_kind))
    token = str(metadata.get("continue") or "")
    if not metadata.get("resourceVersion"):
        raise CannotSee(f"the list of {name} is damaged: it has no resourceVersion", kind=str(resource.group_kind))
    if not token and metadata.get("remainingItemCount"):
        raise CannotSee(f"the list of {name} is damaged: it ends before its last page", kind=str(resource.group_kind))
    for item in items:
        item["apiVersion"] = resource.api_version
        item["kind"] = resource.kind
    return Page(items=items, resource_version=str(metadata["resourceVersion"]), more=bool(token)), token
