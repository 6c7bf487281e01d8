"""Input of `gitops-agent import`: objects, credentials, Secrets to copy."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Mapping

from gitops_agent.cli import output as out
from gitops_agent.cli.import_resources import ImportOptions
from gitops_agent.errors import AgentError
from gitops_agent.importer import argo_credentials, reading
from gitops_agent.importer.context import ImportContext
from gitops_agent.importer.conversion import Copy
from gitops_agent.importer.peer_objects import PeerObjects
from gitops_agent.importer.result import ImportResult
from gitops_agent.importer.tables.kinds import GIT_REPOSITORY
from gitops_agent.manifest.canonical import copy
from gitops_agent.manifest.key import GroupKind, Object
from gitops_agent.manifest.kinds import CONFIG_MAP, SECRET
from gitops_agent.manifest.reading import mapping

_ARGO = "argo"


def peer_objects(chosen: ImportOptions, *, home: str, kinds: Iterable[GroupKind]) -> PeerObjects:
    """The objects of the other tool, from files or the cluster.

    Raises:
        AgentError: they cannot be read.
    """
    if chosen.files:
        return reading.from_files(chosen.files, frozenset({*kinds, CONFIG_MAP}))
    access = chosen.cluster()
    namespace = "" if chosen.everywhere else chosen.namespace or home
    objects = reading.from_cluster(access, [kind for kind in kinds if kind != SECRET], namespace)
    if SECRET in kinds:
        try:
            objects += reading.from_cluster(access, [SECRET], home, argo_credentials.TYPE)
        except AgentError as error:
            out.talk(f"warning: Secrets of repositories are not read: {error}")
        settings = (reading.beside(access, CONFIG_MAP.kind, home, name) for name in reading.ARGO_SETTINGS)
        objects += [obj for obj in settings if obj is not None]
    return PeerObjects(objects)


def credentials_of(tool: str, peers: PeerObjects, chosen: ImportOptions) -> Callable[[str], Mapping[str, bytes] | None]:
    """Finds the credentials of a repository by its address."""

    def of_argo(url: str) -> Mapping[str, bytes] | None:
        secret = argo_credentials.repository_secret(peers, url)
        if secret is None:
            return None
        data = argo_credentials.translated(peers, secret, namespace="", name="")["stringData"]
        return {name: value.encode() for name, value in data.items()}

    def of_flux(url: str) -> Mapping[str, bytes] | None:
        for obj in peers.of_kind(GIT_REPOSITORY) if not chosen.files else ():
            name = mapping(obj, "spec", "secretRef").get("name")
            if name and mapping(obj, "spec").get("url") == url:
                secret = reading.beside(chosen.cluster(), SECRET.kind, obj["metadata"]["namespace"], str(name))
                return {key: base64.b64decode(value) for key, value in mapping(secret, "data").items()}
        return None

    return of_argo if tool == _ARGO else of_flux


def secrets_of(tool: str, result: ImportResult, context: ImportContext, chosen: ImportOptions) -> list[Object]:
    """Copies of Secrets and ConfigMaps, none without `--with-secrets`."""
    if not chosen.with_secrets:
        return []
    access = None if chosen.files else chosen.cluster()
    copies = []
    for planned_copy in result.copies:
        obj = context.peers.get(SECRET, planned_copy.namespace, planned_copy.name) if tool == _ARGO else None
        if obj is not None:
            copies.append(
                argo_credentials.translated(context.peers, obj, namespace=planned_copy.to, name=planned_copy.new_name)
            )
        elif (
            access is not None
            and (live := reading.beside(access, planned_copy.kind, planned_copy.namespace, planned_copy.name)) is not None
        ):
            copies.append(_moved(live, planned_copy))
        else:
            out.talk(
                f"warning: {planned_copy.kind} {planned_copy.namespace}/{planned_copy.name} is not read, so no copy is written"
            )
    return copies


def _moved(obj: Object, planned_copy: Copy) -> Object:
    """A copy in another namespace, without what the server added."""
    return copy(
        {
            "apiVersion": "v1",
            "kind": planned_copy.kind,
            "metadata": {"name": planned_copy.new_name, "namespace": planned_copy.to},
            **{name: obj[name] for name in ("type", "data", "binaryData", "immutable") if name in obj},
        }
    )
