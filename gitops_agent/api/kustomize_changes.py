"""Images and patches, as a kustomization spells them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from gitops_agent.api.model import Model, Rule
from gitops_agent.api.texts import FilePath, Line, Shape

NamePart = Annotated[str, Shape(pattern=r"[a-z0-9.-]+", message="is not a part of a name", longest=128)]


class Image(Model):
    """An image to replace, as in a kustomization."""

    name: Annotated[str, Field(min_length=1, max_length=512)]
    """The image as the manifests name it, without tag."""

    new_name: Annotated[str, Field(min_length=1, max_length=512)] | None = None
    """Another repository."""

    new_tag: Annotated[str, Shape(pattern=r"[A-Za-z0-9_][A-Za-z0-9._-]*", message="is not a tag", longest=128)] | None = None
    """Another tag."""

    digest: Annotated[str, Shape(pattern=r"[a-z0-9]+:[0-9a-f]{32,128}", message="is not a digest", longest=160)] | None = None
    """A digest, which wins over a tag."""


class PatchTarget(Model):
    """Selects the objects a patch changes; an absent field matches all.

    Names are regular expressions, as in kustomize.
    """

    group: Annotated[str, Field(max_length=253)] | None = None
    """The API group."""

    version: Annotated[str, Field(max_length=63)] | None = None
    """The API version."""

    kind: Annotated[str, Field(max_length=253)] | None = None
    """The kind."""

    name: Annotated[str, Field(max_length=253)] | None = None
    """The name."""

    namespace: Annotated[str, Field(max_length=253)] | None = None
    """The namespace."""

    label_selector: Line | None = None
    """A label selector."""

    annotation_selector: Line | None = None
    """An annotation selector."""


class Patch(Model):
    """A strategic-merge or JSON 6902 patch, as in a kustomization."""

    patch: Annotated[str, Field(min_length=1, max_length=65536)] | None = None
    """The patch itself."""

    path: FilePath | None = None
    """The file the patch is in, relative to `source.path`."""

    target: PatchTarget | None = None
    """Which objects it changes; needed for JSON 6902 patches."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            cel="has(self.patch) != has(self.path)",
            holds=lambda patch: (patch.patch is None) != (patch.path is None),
            message="needs exactly one of patch and path",
        ),
    )
