"""Converts documents into manifests: unfolds lists, refuses non-objects with their location."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from gitops_agent.errors import RenderError
from gitops_agent.manifest import marks
from gitops_agent.manifest.canonical import digest
from gitops_agent.manifest.document import Document, refusal
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.leaves import begins_somewhere, dotted, leaves
from gitops_agent.manifest.manifest import Manifest
from gitops_agent.render.decryption.cipher import is_ciphertext
from gitops_agent.render.still_encrypted import ciphertext

_API_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*(?:/[A-Za-z0-9][A-Za-z0-9.-]*)?")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]{0,63}(?::?[-=?+][^{}]{0,200})?\}")
_TEXTS = ("ConfigMap", "Secret", "CustomResourceDefinition")
"""Kinds whose values may be programs with variables of their own."""
_ELSEWHERE = (
    ", so it is not a Kubernetes object: move the file out of the directory that is deployed, or list the manifests in a "
    "kustomization.yaml"
)
_HOOKS = (marks.HOOK, "helm.sh/hook", "argocd.argoproj.io/hook")


_SUFFIX = 8
_LONGEST_NAME = 63


@dataclass(slots=True)
class Objects:
    """Gathers the manifests of one render.

    Args:
        limit: how many there may be.
        replaces: variables are replaced afterwards, in values.
        renames: and in names.
    """

    limit: int
    replaces: bool = False
    renames: bool = False
    manifests: list[Manifest] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    generated: dict[str, int] = field(default_factory=dict)

    def add(self, document: Document, *, file: str) -> None:
        """Adds what one document declares.

        Raises:
            RenderError: reason `InvalidManifest`, naming file, document and line; `RenderTooLarge`.
        """
        for obj in _unfolded(document.value, document, file):
            obj = self._with_name(obj)  # noqa: PLW2901 - the same object, named
            self._check_plain(obj, file)
            problem = problem_of(obj, renames=self.renames)
            if problem is None:
                self.manifests.append(Manifest.of(obj, file=file, document=document.index))
                if not self.replaces:
                    self._warn_of_variables(obj, file)
            else:
                raise refusal(f"{_described(obj)}{problem}", file=file, line=document.line, document=document.index)
            if len(self.manifests) > self.limit:
                raise RenderError(f"the render holds more than {self.limit} objects", reason="RenderTooLarge")

    def _with_name(self, obj: Any) -> Any:
        """Names a hook that has only a generateName.

        The name is the same in each render, so that its run is recognised.
        """
        if not isinstance(obj, dict) or not _nameless_hook(obj):
            return obj
        metadata = {name: value for name, value in obj["metadata"].items() if name != "generateName"}
        prefix = str(obj["metadata"]["generateName"])
        described = [obj.get("apiVersion"), obj.get("kind"), metadata.get("namespace"), prefix]
        count = self.generated[str(described)] = self.generated.get(str(described), 0) + 1
        suffix = digest([*described, count])[:_SUFFIX]
        return {**obj, "metadata": {"name": f"{prefix[: _LONGEST_NAME - _SUFFIX]}{suffix}", **metadata}}

    def _check_plain(self, obj: Object, file: str) -> None:
        """Refuses an object that nothing has decrypted."""
        path = ciphertext(obj)
        if path:
            described = "" if is_ciphertext(str(obj.get("kind"))) else _described(obj)
            text = (
                f"{file}: {described}{path} is ciphertext: set spec.render.decryption, or encrypt the file for "
                "the keys of this cluster"
            )
            raise RenderError(text, reason="StillEncrypted", file=file)

    def _warn_of_variables(self, obj: Object, file: str) -> None:
        """A variable that Flux would have replaced is applied as it is."""
        if obj.get("kind") in _TEXTS or not begins_somewhere(obj, "${"):
            return
        if fields := list(islice(_unreplaced(obj), 2)):
            more = " and others" if len(fields) > 1 else ""
            self.warnings.append(f"{file}: {_described(obj)}holds a variable that is not replaced: {fields[0]}{more}")


def _unfolded(value: Any, document: Document, file: str) -> Iterator[Object]:
    """The object, or the items of nested lists of objects."""
    pending = [value]
    while pending:
        obj = pending.pop(0)
        if not isinstance(obj, dict):
            what = "a list" if isinstance(obj, list) else "a single value"
            problem = f"is {what}, not a Kubernetes object"
            raise refusal(problem, file=file, line=document.line, document=document.index)
        kind, items = obj.get("kind"), obj.get("items")
        named = isinstance(obj.get("metadata"), dict) and "name" in obj["metadata"]
        if isinstance(kind, str) and kind.endswith("List") and "items" in obj and not named:
            of = kind.removesuffix("List")
            pending = [_typed(item, obj, of) for item in items or ()] + pending
        else:
            yield obj


def _typed(item: Any, parent: Object, kind: str) -> Any:
    """An item with its type, which only a `RoleList` may omit."""
    if isinstance(item, dict) and kind and not item.get("kind") and not item.get("apiVersion"):
        return {"apiVersion": parent.get("apiVersion"), "kind": kind, **item}
    return item


def problem_of(obj: Object, *, renames: bool = False) -> str | None:
    """Why a document is no Kubernetes object; None when it is.

    Args:
        obj: the document.
        renames: variables in its name are replaced later.
    """
    api_version, kind, metadata = obj.get("apiVersion"), obj.get("kind"), obj.get("metadata")
    if not api_version and not kind:
        return f"has neither apiVersion nor kind{_ELSEWHERE}"
    if not isinstance(api_version, str) or not _API_VERSION.fullmatch(api_version):
        return "has no apiVersion" if not api_version else "has an apiVersion that is none"
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        return "has no kind" if not kind else "has a kind that is none"
    if not isinstance(metadata, dict):
        return "has no metadata"
    name = metadata.get("name")
    if name is None or name == "":
        generated = "generateName would make a new object at every sync; give it a name"
        return generated if metadata.get("generateName") else "has no metadata.name"
    namespace = metadata.get("namespace") or "ok"
    return _path_problem("name", name, renames=renames) or _path_problem("namespace", namespace, renames=renames)


def _path_problem(what: str, value: Any, *, renames: bool) -> str | None:
    """Names become parts of API paths."""
    if not isinstance(value, str):
        return f"has a metadata.{what} that is not text; put it in quotes"
    if renames and "${" in value:
        return None
    if (variable := _variable(value)) is not None:
        return (
            f"has a metadata.{what} with the variable {variable}, which is not replaced: give it a value in "
            "spec.render.variables, whose field `in` lists `names`"
        )
    if value in (".", "..") or "/" in value or "%" in value or not value.isprintable():
        return f"has a metadata.{what} that cannot be one"
    return None


def _variable(value: str) -> str | None:
    """The first `${NAME}` of a text, in the forms that Flux replaces."""
    match = _VARIABLE.search(value)
    return match[0] if match else None


def _unreplaced(obj: Object) -> Iterator[str]:
    """The fields that hold nothing but a variable, with its name."""
    for steps, value in leaves(obj):
        if isinstance(value, str) and value.startswith("${") and _VARIABLE.fullmatch(value):
            yield f"{dotted(steps)}: {value}"


def _nameless_hook(obj: Object) -> bool:
    metadata = obj.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    return (
        isinstance(metadata, dict)
        and not metadata.get("name")
        and bool(metadata.get("generateName"))
        and isinstance(annotations, dict)
        and any(annotation in annotations for annotation in _HOOKS)
    )


def _described(obj: Object) -> str:
    kind = obj.get("kind")
    metadata = obj.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    words = [word for word in (kind, name) if isinstance(word, str) and word.isprintable()]
    return f"{' '.join(words)[:200]} " if words else "the document "
