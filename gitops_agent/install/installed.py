"""What is installed already, and the installation that Git takes over.

An agent that was installed before is taken over with its objects. Its fields are applied under the name of the agent itself,
and what `gitops-agent install` owned is released, so that the agent can remove a field later that Git no longer declares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gitops_agent import __version__
from gitops_agent.cluster.objects import Objects
from gitops_agent.errors import Conflict, Invalid, NotFound, UnknownKind, UsageError
from gitops_agent.install import bundle
from gitops_agent.manifest.key import Object, ObjectKey
from gitops_agent.manifest.kinds import APPLICATION, DEPLOYMENT
from gitops_agent.manifest.marks import FIELD_MANAGER, owner
from gitops_agent.manifest.reading import items, mapping

_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """The agent of a cluster.

    Attributes:
        image: of its Deployment; empty when there is none.
        root: the Application of the given name; None when there is none.
        managed: whether an Application manages the Deployment.
    """

    image: str
    root: Object | None
    managed: bool

    @classmethod
    def read(cls, objects: Objects, name: str) -> Installed:
        """What is there.

        Raises:
            ClusterError: it cannot be read.
        """
        deployment = _get(objects, DEPLOYMENT.named(bundle.NAMESPACE, bundle.NAME)) or {}
        containers = items(mapping(deployment, "spec", "template", "spec").get("containers"))
        return cls(
            image=str(containers[0].get("image") or "") if containers else "",
            root=_get(objects, APPLICATION.named(bundle.NAMESPACE, name)),
            managed=bool(deployment) and owner(deployment) is not None,
        )

    @property
    def version(self) -> str:
        """The version that the tag of the image names; empty without one."""
        tag = self.image.partition("@")[0].rpartition("/")[2].partition(":")[2].removeprefix("v")
        return tag if _numbers(tag) else ""

    def check(self, root: Object) -> None:
        """Checks that this program may install over it.

        Args:
            root: the Application that will follow Git.

        Raises:
            UsageError: it is newer, or follows something else.
        """
        if _numbers(self.version) > _numbers(__version__):
            raise UsageError(
                f"the agent {self.image} is newer than this program ({__version__}): use the program of its version"
            )
        if self.root is None:
            return
        for field in ("repoURL", "path"):
            live, planned = mapping(self.root, "spec", "source").get(field), mapping(root, "spec", "source").get(field)
            if live != planned:
                raise UsageError(
                    f"the Application {root['metadata']['name']} in {bundle.NAMESPACE} follows the {field} {live} and not "
                    f"{planned}: name the one it follows, or another Application with --name"
                )


def take_over(objects: Objects, manifests: list[Object], report: Callable[[ObjectKey, bool], None]) -> None:
    """Applies the installation as the agent itself will.

    `report` receives every object and whether it changed.

    Raises:
        AgentError: the API server refused one; those before it are applied, and applying again goes on.
    """
    for obj in manifests:
        key = ObjectKey.of(obj)
        before = version_of(objects, key)
        after = objects.apply(obj, field_manager=FIELD_MANAGER)
        changed = before != after["metadata"].get("resourceVersion")
        released = _release(objects, key, after)
        report(key, changed or released)
        if obj["kind"] == "CustomResourceDefinition":
            objects.discovery.invalidate()


def version_of(objects: Objects, key: ObjectKey) -> str:
    """The resource version of an object; empty when it is not there."""
    return str(mapping(_get(objects, key) or {}, "metadata").get("resourceVersion") or "")


def missing(objects: Objects, manifests: list[Object]) -> list[Object]:
    """The objects that are not there."""
    return [obj for obj in manifests if _get(objects, ObjectKey.of(obj)) is None]


def _release(objects: Objects, key: ObjectKey, obj: Object) -> bool:
    """Drops what an earlier `install` owns; whether there was any."""
    for _ in range(_TRIES):
        metadata = obj["metadata"]
        entries = items(metadata.get("managedFields"))
        kept = [entry for entry in entries if entry.get("manager") != bundle.FIELD_MANAGER]
        if len(kept) == len(entries):
            return False
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": metadata.get("resourceVersion")}
        try:
            objects.json_patch(key, [test, {"op": "replace", "path": "/metadata/managedFields", "value": kept}])
        except (Conflict, Invalid):  # it changed since it was read
            obj = objects.get(key)
            continue
        return True
    return False


def _get(objects: Objects, key: ObjectKey) -> Object | None:
    try:
        return objects.get(key)
    except (NotFound, UnknownKind):
        return None


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version such as 0.1.0.

    Empty for any other tag.
    """
    parts = version.partition("-")[0].split(".")
    return tuple(int(part) for part in parts) if len(parts) > 1 and all(part.isdecimal() for part in parts) else ()
