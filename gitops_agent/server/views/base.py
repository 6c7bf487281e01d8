"""Base of every view: what leaves the server is one of these.

Problem: raw objects hold values of Secrets, copies of whole manifests and whatever the next version of Kubernetes adds.
Decision: an answer is built of views with named fields only, so that nothing gets out because it was forgotten. Names are those
of the custom resources and of `-o json`; a field is always there, empty where there is nothing to say.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""RFC 3339 in UTC, or empty."""


class View(BaseModel):
    """A part of an answer: camelCase in JSON, immutable, complete."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
    )


class ObjectName(View):
    """The identity of an object of the cluster."""

    group: str = ""
    """The API group; empty for the core group."""

    kind: str
    """The kind."""

    namespace: str = ""
    """The namespace; empty for an object of the whole cluster."""

    name: str
    """The name."""


class ApplicationName(View):
    """The identity of an Application."""

    namespace: str
    """The namespace."""

    name: str
    """The name."""


class CannotSee(View):
    """A kind that cannot be read, and why."""

    kind: str
    """Group and kind, such as `apps/Deployment`."""

    why: str
    """The answer of the API server."""


class Commit(View):
    """A commit, as far as it is known."""

    revision: str = ""
    """The whole commit."""

    short: str = ""
    """Its first twelve digits."""

    subject: str = ""
    """The first line of its message."""

    author: str = ""
    """Who wrote it."""

    committed_at: Time = ""
    """When it was committed."""

    link: str = ""
    """Where the Git host shows it; empty when that is unknown."""
