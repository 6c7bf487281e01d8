"""Reads and writes objects: apply, delete, patches and complete lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from gitops_agent.cluster.discovery import Discovery
from gitops_agent.cluster.fence import UNFENCED, Fence, LeadershipLost
from gitops_agent.cluster.listing import Listing, read_list
from gitops_agent.cluster.resource import Resource
from gitops_agent.cluster.transport import APPLY, JSON_PATCH, MERGE_PATCH, Transport
from gitops_agent.errors import Invalid
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.marks import FIELD_MANAGER

Propagation = Literal["Foreground", "Background", "Orphan"]

_METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"


class Objects:
    """The objects of one cluster; safe to share between threads.

    Args:
        transport: the API server.
        discovery: its kinds.
        field_manager: who we are in `managedFields`.
        timeout: seconds a request may take.
        fence: asked directly before each write.
    """

    def __init__(
        self,
        transport: Transport,
        discovery: Discovery,
        *,
        field_manager: str = FIELD_MANAGER,
        timeout: float = 30.0,
        fence: Fence = UNFENCED,
    ) -> None:
        self.transport = transport
        self.discovery = discovery
        self.field_manager = field_manager
        self._timeout, self._fence = timeout, fence

    def get(
        self, key: ObjectKey, *, version: str | None = None, metadata_only: bool = False, as_user: str | None = None
    ) -> Object:
        """One object.

        Raises:
            NotFound: it is not there.
            UnknownKind: neither is its kind.
            CannotSee: its kind is served by an API that does not answer.
            ClusterError: the server refused or gave no answer.
        """
        resource = self.discovery.find(key.group, key.kind, version)
        path = resource.path(key.namespace, key.name)
        if not metadata_only:
            return cast("Object", self.transport.request("GET", path, timeout=self._timeout, as_user=as_user))
        live = self.transport.request("GET", path, accept=_METADATA, timeout=self._timeout, as_user=as_user)
        return {**live, "apiVersion": resource.api_version, "kind": resource.kind}

    def list(
        self,
        resource: Resource,
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        limit: int = 500,
        as_user: str | None = None,
    ) -> Listing:
        """Every matching object of a kind, read in pages of `limit`.

        Each has its kind and apiVersion set.

        Raises:
            Expired: a later page is no longer served: list again.
            CannotSee: a page is damaged; what came before it is not returned either.
            ClusterError: the server refused or gave no answer.
        """
        return read_list(
            self.transport,
            resource,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            metadata_only=metadata_only,
            limit=limit,
            timeout=self._timeout,
            as_user=as_user,
        )

    def apply(
        self,
        obj: Object,
        *,
        dry_run: bool = False,
        force: bool = True,
        field_manager: str | None = None,
        as_user: str | None = None,
        subresource: str | None = None,
    ) -> Object:
        """Server-side apply with strict field validation; returns the stored object.

        A dry run returns the object as it would be stored.

        Raises:
            Invalid: the object will never be accepted as it is.
            UnknownKind: its kind is not served in this version.
            ClusterError: the server refused or gave no answer.
        """
        resource = self._resource_of(obj)
        query = {
            "fieldManager": field_manager or self.field_manager,
            "force": "true" if force else "false",
            "fieldValidation": "Strict",
            **_dry(dry_run=dry_run),
        }
        return self._write("PATCH", self._path(resource, obj, subresource), query, obj, content_type=APPLY, as_user=as_user)

    def create(
        self, obj: Object, *, dry_run: bool = False, field_manager: str | None = None, as_user: str | None = None
    ) -> Object:
        """Creates an object that must not be there yet.

        Raises:
            Conflict: it is there already (code `AlreadyExists`).
            ClusterError: the server refused or gave no answer.
        """
        resource = self._resource_of(obj)
        namespace = str((obj.get("metadata") or {}).get("namespace") or "")
        if resource.namespaced and not namespace:
            raise Invalid(f"{resource.group_kind} needs a namespace", code="NamespaceRequired")
        query = {"fieldManager": field_manager or self.field_manager, "fieldValidation": "Strict", **_dry(dry_run=dry_run)}
        return self._write("POST", resource.path(namespace), query, obj, as_user=as_user)

    def delete(
        self,
        key: ObjectKey,
        *,
        uid: str,
        propagation: Propagation = "Foreground",
        as_user: str | None = None,
        dry_run: bool = False,
    ) -> Object:
        """Deletes the object with this UID; returns it or the Status.

        Raises:
            NotFound: it is gone already.
            Conflict: an object of that name exists, but another one.
            ClusterError: the server refused or gave no answer.
        """
        if not uid:
            raise Invalid(f"{key} cannot be deleted without its UID", code="UIDRequired")
        resource = self.discovery.find(key.group, key.kind)
        options: Object = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": propagation,
        }
        if dry_run:
            options["dryRun"] = ["All"]
        return self._write("DELETE", resource.path(key.namespace, key.name), {}, options, as_user=as_user)

    def json_patch(
        self,
        key: ObjectKey,
        ops: Sequence[Object],
        *,
        subresource: str | None = None,
        field_manager: str | None = None,
        dry_run: bool = False,
        as_user: str | None = None,
    ) -> Object:
        """Applies RFC 6902 operations atomically; a failed `test` is `Invalid`.

        Raises:
            ClusterError: the server refused or gave no answer.
        """
        return self._patch(
            key,
            ops,
            JSON_PATCH,
            _Options(subresource=subresource, manager=field_manager or self.field_manager, dry_run=dry_run, as_user=as_user),
        )

    def merge_patch(
        self,
        key: ObjectKey,
        patch: Object,
        *,
        subresource: str | None = None,
        field_manager: str | None = None,
        dry_run: bool = False,
        as_user: str | None = None,
    ) -> Object:
        """Merges a patch (RFC 7386): None removes, a list replaces.

        Include `metadata.resourceVersion` for compare-and-swap.

        Raises:
            Conflict: the object has another resourceVersion than the patch names.
            ClusterError: the server refused or gave no answer.
        """
        return self._patch(
            key,
            patch,
            MERGE_PATCH,
            _Options(subresource=subresource, manager=field_manager or self.field_manager, dry_run=dry_run, as_user=as_user),
        )

    def _patch(self, key: ObjectKey, body: Any, content_type: str, options: _Options) -> Object:
        resource = self.discovery.find(key.group, key.kind)
        query = {"fieldManager": options.manager, **_dry(dry_run=options.dry_run)}
        path = resource.path(key.namespace, key.name, options.subresource)
        return self._write("PATCH", path, query, body, content_type=content_type, as_user=options.as_user)

    def _write(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Any,
        *,
        content_type: str = "application/json",
        as_user: str | None = None,
    ) -> Object:
        self.transport.identity.before_write()
        if not self._fence.held:
            raise LeadershipLost(f"{method} {path} was not sent: this replica no longer leads")
        # The server gives up when we do, so that nothing is written long after a call has been reported as failed.
        timed = {**query, "timeout": f"{max(1, int(self._timeout))}s"}
        answer = self.transport.request(
            method, path, query=timed, body=body, content_type=content_type, timeout=self._timeout, as_user=as_user
        )
        return cast("Object", answer or {})

    def _resource_of(self, obj: Object) -> Resource:
        group, _, version = str(obj.get("apiVersion") or "").rpartition("/")
        return self.discovery.find(group, str(obj.get("kind") or ""), version or None)

    @staticmethod
    def _path(resource: Resource, obj: Object, subresource: str | None) -> str:
        metadata = obj.get("metadata") or {}
        if not metadata.get("name"):
            raise Invalid(f"{resource.group_kind} needs a name", code="NameRequired")
        return resource.path(str(metadata.get("namespace") or ""), str(metadata["name"]), subresource)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    subresource: str | None
    manager: str
    dry_run: bool
    as_user: str | None


def _dry(*, dry_run: bool) -> dict[str, str]:
    return {"dryRun": "All"} if dry_run else {}
