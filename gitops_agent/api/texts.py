"""Types of text fields, each with a pattern and a maximum length.

The bounds are not decoration: the API server prices every CEL rule by the largest value it could meet and refuses a CRD whose
rules could be dear, so a text, list or map without a bound makes the whole CRD unacceptable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Pattern and length of a text, also enforced by the CRD.

    Attributes:
        pattern: of the whole text, in the common ground of Python's and Go's regular expressions.
        message: completes "the value …"; it never repeats the value, which may be a secret in the wrong place.
        longest: characters.
        shortest: characters.
        rules: CEL over the text that says what the Python type checks beside this shape: (rule, message).
    """

    pattern: str
    message: str
    longest: int
    shortest: int = 1
    rules: tuple[tuple[str, str], ...] = ()

    def check(self, value: str) -> str:
        """The value itself.

        Raises:
            PydanticCustomError: it has another shape.
        """
        if len(value) > self.longest:
            raise PydanticCustomError("text", "is longer than {longest} characters", {"longest": self.longest})
        if len(value) < self.shortest or not re.fullmatch(self.pattern, value, re.ASCII):
            raise PydanticCustomError("text", "{text}", {"text": self.message})
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        result: dict[str, Any] = {
            "type": "string",
            "pattern": f"^({self.pattern})$",
            "minLength": self.shortest,
            "maxLength": self.longest,
        }
        if not self.shortest:
            del result["minLength"]
        if self.rules:
            result["x-kubernetes-validations"] = [{"rule": rule, "message": message} for rule, message in self.rules]
        return result


_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_PRINTABLE = r"[^\x00-\x1f\x7f]"

Name = Annotated[str, Shape(pattern=rf"{_LABEL}(\.{_LABEL})*", message="is not a Kubernetes name", longest=253)]
"""A DNS subdomain: the name of most objects."""

NamespaceName = Annotated[str, Shape(pattern=_LABEL, message="is not the name of a namespace", longest=63)]
"""A DNS label."""

ClusterUID = Annotated[str, Shape(pattern=r"[A-Za-z0-9][A-Za-z0-9.-]*", message="is not the UID of a namespace", longest=128)]
"""The UID of a cluster's namespace `kube-system`."""

ReleaseName = Annotated[str, Shape(pattern=rf"{_LABEL}(\.{_LABEL})*", message="is not a Helm release name", longest=53)]
"""What Helm takes for a release: 53 characters, so that its suffixes fit."""

GitName = Annotated[
    str,
    Shape(
        pattern=r"[A-Za-z0-9_]([^\x00-\x20\x7f~^:?*\[\\]*[^\x00-\x20\x7f~^:?*\[\\/.])?",
        message="is not the name of a branch or tag",
        longest=255,
        rules=(("!self.contains('..') && !self.contains('//') && !self.contains('@{')", "is not the name of a branch or tag"),),
    ),
    AfterValidator(lambda value: _without(value, ("..", "//", "@{"), "is not the name of a branch or tag")),
]
"""A branch or tag. It never starts with a dash: git would take it for an option."""

SemverRange = Annotated[
    str,
    Shape(
        pattern=r"[0-9A-Za-z*^~<>=!][-0-9A-Za-z.*^~<>=!|, +]*",
        message="is not a version range such as ^1.2 or >=1.0 <2",
        longest=128,
    ),
]
"""A range of versions that tags are chosen by."""

CommitId = Annotated[
    str,
    Shape(
        pattern=r"[0-9a-f]{40}|[0-9a-f]{64}", message="is not a full commit id of 40 (or 64) lower-case hex digits", longest=64
    ),
]
"""A full commit id: a short one means another commit some day."""

KindName = Annotated[
    str,
    Shape(
        pattern=r"([a-z0-9][a-z0-9.-]*/)?[A-Z][A-Za-z0-9]*",
        message="is not a kind such as Deployment or apps/Deployment",
        longest=320,
    ),
]
"""A kind, with its API group where the kind alone is ambiguous."""

Pointer = Annotated[
    str,
    Shape(pattern=r"(/([^~/\x00-\x1f\x7f]|~[01])*)+", message="is not a JSON pointer such as /spec/replicas", longest=512),
]
"""A JSON pointer (RFC 6901); `~1` stands for a slash inside a key."""

ManagerName = Annotated[str, Shape(pattern=rf"{_PRINTABLE}+", message="is not the name of a field manager", longest=128)]
"""A field manager, as `metadata.managedFields` names it; at most 128 characters, as for the API server."""

VariableName = Annotated[str, Shape(pattern=r"[A-Za-z_][A-Za-z0-9_]*", message="is not the name of a variable", longest=64)]
"""What stands between the braces of `${NAME}`."""


_LONGEST_VALUE = 4096
_LARGEST_INTEGER = 2**63 - 1


class _Scalar:
    """A union of types, which a structural schema has no word for."""

    def check(self, value: Any) -> str | int | bool:
        """The value itself.

        Raises:
            PydanticCustomError: it is of another type, or too large.
        """
        if isinstance(value, str) and len(value) > _LONGEST_VALUE:
            raise PydanticCustomError("text", "is longer than {longest} characters", {"longest": _LONGEST_VALUE})
        if not isinstance(value, str | int) or (isinstance(value, int) and abs(value) > _LARGEST_INTEGER):
            text = "is neither text, a whole number nor a boolean; put it in quotes to make it text"
            raise PydanticCustomError("text", "{text}", {"text": text})
        return value

    def __get_pydantic_core_schema__(self, _source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.check)

    def __get_pydantic_json_schema__(self, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"x-kubernetes-preserve-unknown-fields": True}


VariableValue = Annotated[str | int | bool, _Scalar()]
"""A text, a whole number or a boolean."""

FilePath = Annotated[
    str,
    Shape(
        pattern=rf"[^/\x00-\x1f\x7f]{_PRINTABLE}*",
        message="is not a path relative to the directory of the source",
        longest=1024,
    ),
]
"""A file or directory, relative to the one it is named from. It may climb with `..` as long as it stays in the repository."""

Line = Annotated[str, Shape(pattern=rf"{_PRINTABLE}*", message="holds control characters", longest=1024, shortest=0)]
"""A line for people."""


def _without(value: str, parts: tuple[str, ...], message: str) -> str:
    if any(part in value for part in parts):
        raise PydanticCustomError("text", "{text}", {"text": message})
    return value


def _relative(value: str) -> str:
    if value.startswith("/"):
        raise PydanticCustomError("path", "starts with a slash, but it is relative to the root of the repository")
    if ".." in value.split("/"):
        raise PydanticCustomError("path", "has a `..` in it, but it stays below the root of the repository")
    return "/".join(part for part in value.split("/") if part not in {"", "."})


RepositoryPath = Annotated[
    str,
    Shape(
        pattern=rf"{_PRINTABLE}*",
        message="holds control characters",
        longest=1024,
        shortest=0,
        rules=(
            ("!self.startsWith('/')", "starts with a slash, but it is relative to the root of the repository"),
            ("!self.split('/').exists(part, part == '..')", "has a `..` in it, but it stays below the root of the repository"),
        ),
    ),
    AfterValidator(_relative),
]
"""A directory of the repository; normalised, so that the root is the empty text."""
