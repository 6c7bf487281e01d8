"""Requests and answers of a render as JSON values.

Names of files come from Git as bytes; those that are no UTF-8 travel as Latin-1, which keeps every byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson

from gitops_agent import __version__
from gitops_agent.api.render_options import RenderOptions
from gitops_agent.errors import RenderError, SourceError
from gitops_agent.manifest.key import AppKey
from gitops_agent.render.request import KubeFacts, RenderLimits, RenderRequest
from gitops_agent.render.variables.variable import Variable
from gitops_agent.revision.tree import Entry, EntryType

_VARIABLES = "spec.render.variables"
_VARIABLES_LENGTH = 512 * 1024

EntryRow = list[Any]
"""Path, type, object id, size and mode of an entry."""


def packed(path: str) -> str:
    """A path as JSON can hold it."""
    return path if path.isascii() else path.encode("utf-8", "surrogateescape").decode("latin-1")


def unpacked(path: Any) -> str:
    """The path that was packed.

    Raises:
        TypeError, ValueError: it is none.
    """
    if not isinstance(path, str):
        raise TypeError("a path is not text")
    return path if path.isascii() else path.encode("latin-1").decode("utf-8", "surrogateescape")


def clean(text: str) -> str:
    """A text without what JSON cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def row(entry: Entry, oid: str | None = None) -> EntryRow:
    """An entry as JSON; `oid` instead of its own."""
    return [
        packed(entry.path),
        entry.type.value,
        entry.oid if oid is None else oid,
        entry.size,
        entry.executable,
    ]


def entry_of(values: EntryRow) -> Entry:
    """The entry of a row, from the trusted half."""
    path, kind, oid, size, executable = values
    return Entry(path=unpacked(path), type=EntryType(kind), oid=oid, size=size, executable=executable)


def request_head(request: RenderRequest, limits: RenderLimits, commit: str) -> dict[str, Any]:
    """A request and what it may use.

    Raises:
        RenderError: the options cannot be JSON.
    """
    return {
        "version": __version__,
        "commit": commit,
        "application": [*request.application],
        "path": packed(request.path),
        "namespace": request.namespace,
        "options": _options(request.options) if request.options else None,
        "facts": [request.facts.version, *request.facts.api_versions],
        "variables": _variables(request.variables),
        "limits": asdict(limits),
    }


def _variables(variables: Sequence[Variable]) -> list[list[Any]]:
    """Variables as JSON.

    Raises:
        RenderError: they are too large together.
    """
    if sum(len(variable.text) for variable in variables) > _VARIABLES_LENGTH:
        text = f"{_VARIABLES}: the values have more than {_VARIABLES_LENGTH} characters together"
        raise RenderError(text, reason="RenderTooLarge", field=_VARIABLES)
    return [[variable.name, variable.value, variable.source, variable.literal, variable.secret] for variable in variables]


def _options(options: RenderOptions) -> str:
    try:
        return orjson.dumps(options.model_dump(mode="json")).decode()
    except (TypeError, ValueError, RecursionError):
        raise RenderError("spec.render.helm.values is nested too deeply", field="spec.render.helm.values") from None


def request_of(head: dict[str, Any]) -> tuple[RenderRequest, RenderLimits]:
    """The request of a head, from the trusted half.

    Raises:
        RenderError: the agent is of another version.
    """
    if head["version"] != __version__:
        text = f"the render worker is version {__version__}, the agent is version {head['version']}"
        raise RenderError(text, reason="RenderFailed", cause="start", transient=True)
    version, *api_versions = head["facts"]
    options = head["options"]
    request = RenderRequest(
        application=AppKey(*head["application"]),
        path=unpacked(head["path"]),
        options=RenderOptions.model_validate_json(options) if options is not None else None,
        namespace=head["namespace"],
        facts=KubeFacts(version=version, api_versions=tuple(api_versions)),
        variables=tuple(
            Variable(name=name, value=value, source=source, literal=literal, secret=secret)
            for name, value, source, literal, secret in head["variables"]
        ),
    )
    return request, RenderLimits(**head["limits"])


def error_head(error: RenderError | SourceError) -> dict[str, Any]:
    """An error with everything that distinguishes it."""
    return {
        "error": "source" if isinstance(error, SourceError) else "render",
        "message": clean(error.message),
        "reason": error.reason,
        "transient": error.transient,
        "facts": {name: clean(value) if isinstance(value, str) else value for name, value in error.facts.items()},
    }
