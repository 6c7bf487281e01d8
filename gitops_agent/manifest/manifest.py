"""An object with its provenance: file and document."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.generated import blanked
from gitops_agent.manifest.key import Object, ObjectKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One declared object. `obj` is never mutated: make a copy first.

    Attributes:
        obj: the object as rendered, without any mark of ours.
        key: its identity; the namespace is the effective one.
        file: path in the repository, or the tool's own name for it (`templates/web.yaml`); may be empty.
        document: zero-based position in the file or the render.
        digest: of the canonical JSON of `obj`, its generated values left out.
        commit: the commit it is from; empty where that is the one of the desired state it is part of.
        generated: JSON pointers of the values that each render makes up, with merge keys; the live ones are kept.
    """

    obj: Object = field(repr=False)
    key: ObjectKey
    file: str = ""
    document: int = 0
    digest: str
    commit: str = field(default="", compare=False)
    generated: tuple[str, ...] = ()

    @classmethod
    def of(cls, obj: Object, *, file: str = "", document: int = 0, generated: tuple[str, ...] = ()) -> Manifest:
        """The manifest of an object."""
        named = digest(blanked(obj, generated))
        return cls(obj=obj, key=ObjectKey.of(obj), file=file, document=document, digest=named, generated=generated)

    def with_object(self, obj: Object, *, generated: tuple[str, ...] | None = None) -> Manifest:
        """The same provenance for a changed object.

        Args:
            obj: the object.
            generated: its generated fields, where they are others.
        """
        paths = self.generated if generated is None else generated
        return replace(self, obj=obj, key=ObjectKey.of(obj), digest=digest(blanked(obj, paths)), generated=paths)

    @property
    def constant(self) -> Object:
        """The object without generated values, the same in each render."""
        return blanked(self.obj, self.generated)

    @property
    def place(self) -> str:
        """Where a person finds it: `apps/web.yaml (document 2)`."""
        return f"{self.file or 'the render'} (document {self.document + 1})"
