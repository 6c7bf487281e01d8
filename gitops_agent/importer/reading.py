"""Reads the objects of another tool, from files or the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from gitops_agent.cluster.client import ClusterClient
from gitops_agent.errors import AgentError, RenderError, UnknownKind, UsageError
from gitops_agent.importer.peer_objects import PeerObjects
from gitops_agent.manifest.key import GroupKind, Object, ObjectKey
from gitops_agent.manifest.kinds import CONFIG_MAP, SECRET
from gitops_agent.manifest.yaml import load_all

_SUFFIXES = (".yaml", ".yml", ".json")
_HIDDEN = "."
_LONGEST_FILE = 32 << 20
ARGO_SETTINGS = ("argocd-ssh-known-hosts-cm", "argocd-tls-certs-cm")
"""ConfigMaps of Argo CD with keys of hosts and authorities."""


def from_files(paths: Iterable[Path], kinds: frozenset[GroupKind]) -> PeerObjects:
    """The objects of these kinds in files and directories.

    In a directory, files that are no manifests are skipped, such as templates of a chart.

    Raises:
        UsageError: a file that is named cannot be read.
    """
    return PeerObjects(obj for path in paths for obj in _objects(path) if ObjectKey.of(obj).group_kind in kinds)


def from_cluster(access: ClusterClient, kinds: Iterable[GroupKind], namespace: str, selector: str = "") -> list[Object]:
    """The objects of these kinds in a namespace; empty for all.

    Raises:
        AgentError: they cannot be listed; kinds that the cluster does not serve have none.
    """
    objects: list[Object] = []
    for kind in kinds:
        try:
            resource = access.discovery.find(kind.group, kind.kind)
        except UnknownKind:
            continue
        objects += access.objects.list(resource, namespace=namespace, label_selector=selector).items
    return objects


def beside(access: ClusterClient, kind: str, namespace: str, name: str) -> Object | None:
    """A Secret or ConfigMap, None when it cannot be read."""
    group_kind = SECRET if kind == SECRET.kind else CONFIG_MAP
    try:
        return access.objects.get(group_kind.named(namespace, name))
    except AgentError:
        return None


def _objects(path: Path) -> Iterator[Object]:
    if not path.exists():
        raise UsageError(f"{path} does not exist")
    if path.is_file():
        try:
            yield from _documents(path)
        except (OSError, RenderError) as error:
            raise UsageError(f"{path} cannot be read: {error}") from error
        return
    for file in sorted(path.rglob("*")):
        below = file.relative_to(path).parts
        if file.suffix in _SUFFIXES and file.is_file() and not any(part.startswith(_HIDDEN) for part in below):
            try:
                yield from _documents(file)
            except (OSError, RenderError):
                continue


def _documents(path: Path) -> Iterator[Object]:
    if path.stat().st_size > _LONGEST_FILE:
        raise RenderError("is larger than 32 MiB")
    for document in load_all(path.read_bytes(), file=str(path)):
        if not isinstance(document, dict):
            continue
        several = document.get("items") if str(document.get("kind") or "").endswith("List") else None
        yield from (obj for obj in (several if isinstance(several, list) else [document]) if isinstance(obj, dict))
