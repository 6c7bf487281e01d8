"""The agent's files in a work tree of Git.

A path that holds something else is refused, because its files would become objects of the cluster as well.
"""

from __future__ import annotations

import posixpath
from dataclasses import dataclass, replace
from pathlib import Path

from gitops_agent.errors import UsageError
from gitops_agent.install import bundle, overlay
from gitops_agent.install.overlay import FOLDER, KUSTOMIZATION, MANIFESTS, Image, Overlay
from gitops_agent.manifest.key import AppKey, Object
from gitops_agent.manifest.reading import mapping
from gitops_agent.manifest.yaml import load_all
from gitops_agent.render.request import KubeFacts, RenderRequest
from gitops_agent.render.worker.client import local_workers
from gitops_agent.render.worktree import WorkTree

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The agent's files in a work tree, as they are.

    Attributes:
        root: of the work tree.
        files: what lies below the path, by path below it.
        path: relative to the root of the repository.
    """

    root: Path
    files: dict[str, bytes]
    path: str

    @classmethod
    def read(cls, root: Path, path: str) -> Layout:
        """What lies below a path of a work tree.

        Raises:
            UsageError: something that is not the agent's, and no kustomization that lists its folder.
        """
        folder = root / path
        if folder.resolve() != root.resolve() and root.resolve() not in folder.resolve().parents:
            raise UsageError(f"--path {path}: a link leads out of the repository")
        files = {name: data for name, data in overlay.read_tree(folder).items() if name.partition("/")[0] != ".git"}
        if KUSTOMIZATION in files and overlay.lists_folder(files[KUSTOMIZATION]):
            return cls(root=root, files=files, path=path)
        others = sorted(name for name in files if not name.startswith(f"{FOLDER}/"))
        if KUSTOMIZATION in files:
            raise UsageError(f"{posixpath.join(path, KUSTOMIZATION)} does not list {FOLDER} among its resources: add it there")
        if others:
            more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
            raise UsageError(
                f"--path {path}: it is not empty ({', '.join(others[:_SHOWN])}{more}): name an empty path, "
                f"or commit a {KUSTOMIZATION} there that lists {FOLDER} and what else is to be applied"
            )
        return cls(root=root, files=files, path=path)

    @property
    def image(self) -> Image | None:
        """The image of an earlier bootstrap, with the tag of this version."""
        kept = overlay.copied_image(self.files.get(f"{FOLDER}/{MANIFESTS}/{KUSTOMIZATION}", b""))
        base = self.files.get(f"{FOLDER}/{MANIFESTS}/base/{KUSTOMIZATION}", b"")
        return overlay.following(kept, overlay.copied_version(base)) if kept else None

    @property
    def cluster_uid(self) -> str:
        """The cluster that the files name; empty without any."""
        for document in load_all(self.files.get(f"{FOLDER}/{overlay.ROOT}", b""), file=overlay.ROOT):
            return str(mapping(document, "spec", "destination").get("clusterUID") or "")
        return ""

    def write(self, made: Overlay, *, new_cluster: bool) -> tuple[str, ...]:
        """Writes the files of an overlay; returns the changed paths.

        Args:
            made: the overlay.
            new_cluster: replace the cluster that the files name.

        Raises:
            UsageError: the files name another cluster.
        """
        named = self.cluster_uid
        if named and named != made.cluster_uid and not new_cluster:
            raise UsageError(
                f"{posixpath.join(self.path, FOLDER)} belongs to the cluster {named}, and this one is {made.cluster_uid}: "
                "name another path, or say --new-cluster where this cluster replaces that one"
            )
        desired = {name: self.files.get(name, data) for name, data in made.once().items()}
        if named and named != made.cluster_uid:
            desired |= overlay.repinned(desired, named, made.cluster_uid)
        desired |= {f"{FOLDER}/{name}": data for name, data in made.generated().items()}
        stale = [name for name in self.files if name.startswith(f"{FOLDER}/{MANIFESTS}/") and name not in desired]
        folder = self.root / self.path
        changed = [name for name, data in desired.items() if self.files.get(name) != data]
        for name in changed:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(desired[name])
        for name in stale:
            (folder / name).unlink()
        return tuple(sorted(posixpath.normpath(posixpath.join(self.path, name)) for name in (*changed, *stale)))


def rendered(root: Path, path: str) -> list[Object]:
    """The agent's own objects in the order of applying.

    Raises:
        RenderError: kustomize is missing or failed.
    """
    request = RenderRequest(
        application=AppKey(bundle.NAMESPACE, bundle.NAME),
        path=posixpath.normpath(posixpath.join(path, FOLDER)),
        options=None,
        namespace=bundle.NAMESPACE,
        facts=KubeFacts(),
    )
    with local_workers() as workers:
        return bundle.ordered([manifest.obj for manifest in workers.render(WorkTree(root), request).manifests])


def with_image(made: Overlay, layout: Layout, image: str) -> Overlay:
    """The overlay with an image: as named, or as in Git.

    Raises:
        UsageError: neither names one.
    """
    kept = Image.parse(image) if image else layout.image
    if kept is None:
        raise UsageError(
            "no registry serves an image of the agent: build it from the Dockerfile, push it, and name it with --image"
        )
    return replace(made, image=kept)
