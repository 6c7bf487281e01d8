"""Overlay of `deploy/` for one cluster, managed by Git.

Problem: an upgrade has to replace the manifests of a version, and must not touch what people changed. Decision: `deploy/` below
the agent's folder is a copy of the manifests of one version, which every bootstrap replaces as a whole; the files beside it
(kustomization, settings, the root Application) are written once and belong to people from then on. The settings and the root
Application name the cluster, so that neither the agent nor what it follows works in another one.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitops_agent import __version__
from gitops_agent.api.application import API_VERSION
from gitops_agent.errors import UsageError
from gitops_agent.install import bundle
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.reading import items, mapping
from gitops_agent.manifest.yaml import dump, load_all

FOLDER = "gitops-agent"
"""The agent's folder below the path that the root Application follows."""
MANIFESTS = "deploy"
KUSTOMIZATION = "kustomization.yaml"
ROOT = "root.yaml"
CONFIG = "config.yaml"
_NOT_COPIED = ("read-only", "chart")
_KIND = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
_IMAGE = re.compile(
    r"(?P<name>(?:[A-Za-z0-9][A-Za-z0-9.-]*(?::[0-9]+)?/)?[a-z0-9][a-z0-9._-]*(?:/[a-z0-9][a-z0-9._-]*)*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image by its name, and a tag, a digest, or both."""

    name: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str) -> Image:
        """Reads `registry/name:tag@digest`.

        Raises:
            UsageError: it is no such name, or has neither tag nor digest.
        """
        match = _IMAGE.fullmatch(text)
        if match is None or not (match["tag"] or match["digest"]):
            raise UsageError(
                f"--image {text[:200]}: name an image with its tag, such as registry.example.com/gitops-agent:0.1.0"
            )
        return cls(name=match["name"], tag=match["tag"] or "", digest=match["digest"] or "")

    def __str__(self) -> str:
        return self.name + f":{self.tag}" * bool(self.tag) + f"@{self.digest}" * bool(self.digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What distinguishes the files of one cluster.

    Attributes:
        url: of the repository.
        branch: that is followed.
        path: that the root Application follows, relative to the root of the repository.
        name: of the root Application.
        secret: with the credentials of the repository; empty for none.
        cluster_uid: of the cluster.
        image: of the agent.
    """

    url: str
    branch: str
    path: str
    name: str
    secret: str
    cluster_uid: str
    image: Image

    def generated(self) -> dict[str, bytes]:
        """The manifests of this version, by path below the agent's folder."""
        source = bundle.folder()
        copied = {
            posixpath.join(MANIFESTS, file.relative_to(source).as_posix()): file.read_bytes()
            for file in sorted(source.rglob("*"))
            if file.is_file() and file.parent != source and file.relative_to(source).parts[0] not in _NOT_COPIED
        }
        lines = [
            f"# The manifests of gitops-agent {__version__}: the next bootstrap replaces this directory, so edit",
            _GENERATED,
        ]
        lines += [_KIND + "resources:\n  - base\ncomponents:\n  - components/write\nimages:\n  - name: gitops-agent"]
        lines += [f"    newName: {self.image.name}"]
        lines += [f'    newTag: "{self.image.tag}"'] * (not self.image.digest)
        lines += [f"    digest: {self.image.digest}"] * bool(self.image.digest)
        return {posixpath.join(MANIFESTS, KUSTOMIZATION): ("\n".join(lines) + "\n").encode(), **copied}

    def once(self) -> dict[str, bytes]:
        """What people may edit, by path below the root Application's path."""
        return {
            KUSTOMIZATION: _TOP.encode(),
            f"{FOLDER}/{KUSTOMIZATION}": _AGENT.encode(),
            f"{FOLDER}/{CONFIG}": self._config().encode(),
            f"{FOLDER}/{ROOT}": (_ROOT_COMMENT + dump(self.root())).encode(),
        }

    def root(self) -> Object:
        """The Application that follows the path, the agent included."""
        source: Object = {"repoURL": self.url, "ref": {"branch": self.branch}, "path": self.path}
        if self.secret:
            source["secretRef"] = {"name": self.secret}
        return {
            "apiVersion": API_VERSION,
            "kind": "Application",
            "metadata": {"name": self.name, "namespace": bundle.NAMESPACE},
            "spec": {
                "source": source,
                "destination": {"namespace": bundle.NAMESPACE, "clusterUID": self.cluster_uid},
                "deletionPolicy": "orphan",
            },
        }

    def _config(self) -> str:
        text = (bundle.folder() / "base" / CONFIG).read_text()
        comment = "  # The UID of the namespace kube-system: the agent ends in any other cluster.\n"
        pinned = f"cluster:\n{comment}  uid: {self.cluster_uid}\n"
        first, _, rest = text.partition("\nsource:\n")
        allowed = (
            "  # Repositories of this machine's own file system.\n  allowFile: true\n" if self.url.startswith("file:") else ""
        )
        return f"{first}\n{pinned}source:\n{allowed}{rest}"


_GENERATED = "# the files beside it."

_TOP = f"""\
# What the root Application of this cluster applies. A file or directory is applied once it stands in this list.
{_KIND}resources:
  - {FOLDER}
"""

_AGENT = f"""\
# The agent of this cluster. This file and those beside it are yours to edit; {MANIFESTS}/ belongs to the version of the agent.
{_KIND}resources:
  - {MANIFESTS}
  - {ROOT}
# Components of the agent, such as {MANIFESTS}/components/network/prometheus.
components: []
# A changed setting is a new ConfigMap, so the Deployment rolls.
configMapGenerator:
  - name: gitops-agent-config
    namespace: {bundle.NAMESPACE}
    behavior: merge
    files:
      - {CONFIG}
"""

_ROOT_COMMENT = """\
# Follows this directory, so the agent updates itself by commits. Its objects stay when this Application is deleted, and the
# agent of a cluster with another UID (of the namespace kube-system) refuses it.
"""


def copied_image(kustomization: bytes) -> Image | None:
    """The image in the manifests of an earlier bootstrap, if any."""
    for document in load_all(kustomization, file=KUSTOMIZATION):
        for image in items(mapping(document).get("images")):
            if image.get("name") == "gitops-agent" and isinstance(image.get("newName"), str):
                return Image(name=image["newName"], tag=str(image.get("newTag") or ""), digest=str(image.get("digest") or ""))
    return None


def copied_version(base: bytes) -> str:
    """The version of the manifests that an earlier bootstrap copied.

    Empty when it is not known.

    Args:
        base: the kustomization of its `base`.
    """
    for document in load_all(base, file=KUSTOMIZATION):
        for image in items(mapping(document).get("images")):
            if image.get("name") == "gitops-agent":
                return str(image.get("newTag") or "")
    return ""


def following(kept: Image, version: str) -> Image:
    """The image of this version under the name of an earlier one.

    Args:
        kept: the image of the earlier bootstrap.
        version: of that bootstrap.

    Raises:
        UsageError: its tag is not its version, so the new tag cannot be known.
    """
    if version == __version__:
        return kept
    if kept.tag != version or kept.digest:
        raise UsageError(f"{kept} is the image of version {version}: name that of {__version__} with --image")
    return Image(name=kept.name, tag=__version__)


def lists_folder(kustomization: bytes) -> bool:
    """Whether a kustomization lists the agent's folder."""
    return any(
        str(entry).strip("/").removeprefix("./") == FOLDER
        for document in load_all(kustomization, file=KUSTOMIZATION)
        for entry in mapping(document).get("resources") or ()
    )


def repinned(files: Mapping[str, bytes], before: str, after: str) -> dict[str, bytes]:
    """The files that name one cluster, naming another instead."""
    return {name: data.replace(before.encode(), after.encode()) for name, data in files.items() if before.encode() in data}


def read_tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder by path; empty without the folder."""
    if not folder.is_dir():
        return {}
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
