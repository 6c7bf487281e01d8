"""Removes a release of Helm whose objects an Application has.

As long as the Secrets of a release are there, `helm uninstall` deletes its objects, and `helm upgrade` overwrites them. Only
these Secrets are deleted, and only when every object of the release that exists belongs to an Application.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import NotFound, UnknownKind
from gitops_agent.importer.helm_release import TYPE, newest, read_release
from gitops_agent.manifest.key import AppKey, Object, ObjectKey
from gitops_agent.manifest.kinds import SECRET
from gitops_agent.manifest.marks import owner

_THREADS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirement:
    """What would be deleted, and what stays.

    Attributes:
        secrets: of all revisions, oldest first.
        kept: the objects that stay, by their Application.
        foreign: objects of the release that belong to no Application.
    """

    secrets: tuple[Object, ...]
    kept: dict[AppKey, int]
    foreign: tuple[ObjectKey, ...]


def release_secrets(access: ClusterClient, name: str, namespace: str) -> list[Object]:
    """The Secrets of a release, oldest first.

    Raises:
        AgentError: they cannot be listed.
    """
    resource = access.discovery.find(SECRET.group, SECRET.kind)
    listed = access.objects.list(resource, namespace=namespace, label_selector=f"owner=helm,name={name}").items
    ours = [secret for secret in listed if secret.get("type") == TYPE]
    return sorted(ours, key=_version)


def retirement(access: ClusterClient, secrets: Iterable[Object]) -> Retirement:
    """What the deletion of a release's Secrets means.

    Raises:
        ReleaseUnreadable: the newest revision cannot be read.
        AgentError: an object cannot be read.
    """
    secrets = tuple(secrets)
    current = newest(secrets)
    keys = read_release(current).deleted() if current is not None else []

    def get(key: ObjectKey) -> Object | None:
        try:
            return access.objects.get(key, metadata_only=True)
        except (NotFound, UnknownKind):
            return None

    with ThreadPoolExecutor(_THREADS) as pool:
        live = [(key, obj) for key, obj in zip(keys, pool.map(get, keys), strict=True) if obj is not None]
    owners = [(key, owner(obj)) for key, obj in live]
    kept: dict[AppKey, int] = {}
    for _, application in owners:
        if application is not None:
            kept[application] = kept.get(application, 0) + 1
    foreign = tuple(key for key, application in owners if application is None)
    return Retirement(secrets=secrets, kept=kept, foreign=foreign)


def retire(access: ClusterClient, secrets: Iterable[Object]) -> None:
    """Deletes the Secrets, each as it was seen.

    Raises:
        AgentError: one cannot be deleted.
    """
    for secret in secrets:
        metadata = secret["metadata"]
        key = SECRET.named(str(metadata["namespace"]), str(metadata["name"]))
        try:
            access.objects.delete(key, uid=str(metadata["uid"]), propagation="Background")
        except NotFound:
            continue


def _version(secret: Object) -> int:
    text = str((secret["metadata"].get("labels") or {}).get("version") or "")
    return int(text) if text.isdecimal() else 0
