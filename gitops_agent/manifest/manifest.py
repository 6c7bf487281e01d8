"""An object with its provenance: file and document."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.key import Object, ObjectKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One declared object. `obj` is never mutated: make a copy first.

    Attributes:
        obj: the object as rendered, without any mark of ours.
        key: its identity; the namespace is the effective one.
        file: path in the repository, or the tool's own name for it (`templates/web.yaml`); may be empty.
        document: zero-based position in the file or the render.
        digest: of the canonical JSON of `obj`.
        commit: the commit it is from; empty where that is the one of the desired state it is part of.
    """

    obj: Object = field(repr=False)
    key: ObjectKey
    file: str = ""
    document: int = 0
    digest: str
    commit: str = field(default="", compare=False)

    @classmethod
    def of(cls, obj: Object, *, file: str = "", document: int = 0) -> Manifest:
        """The manifest of an object."""
        return cls(obj=obj, key=ObjectKey.of(obj), file=file, document=document, digest=digest(obj))

    def with_object(self, obj: Object) -> Manifest:
        """The same provenance for a changed object."""
        return replace(self, obj=obj, key=ObjectKey.of(obj), digest=digest(obj))

    @property
    def place(self) -> str:
        """Where a person finds it: `apps/web.yaml (document 2)`."""
        return f"{self.file or 'the render'} (document {self.document + 1})"
