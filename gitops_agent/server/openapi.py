"""The OpenAPI 3.1 document, made of the routes and the views.

pydantic writes JSON Schema 2020-12, which is the dialect of OpenAPI 3.1; so the document is the models, and nothing is said
twice. It is committed as `docs/reference/openapi.json`, and a stale file fails a test.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from gitops_agent.server.routes import ROUTES, Query, Route
from gitops_agent.server.views import log_events, stream
from gitops_agent.server.views.base import View
from gitops_agent.server.views.problem import ProblemView

VERSION = "1.0.0"
"""Of the API; its first number is that of the path."""

_NAMES = re.compile(r"\{(\w+)\}")
EVENTS: dict[stream.EventName, type[View]] = {
    stream.EventName.HELLO: stream.Hello,
    stream.EventName.ROWS: stream.RowsEvent,
    stream.EventName.GONE: stream.GoneEvent,
    stream.EventName.APP: stream.AppEvent,
    stream.EventName.AGENT: stream.AgentEvent,
    stream.EventName.RESET: stream.ResetEvent,
    stream.EventName.BYE: stream.ByeEvent,
    stream.EventName.SIGNED_OUT: stream.SignedOutEvent,
}
"""The model of each event of the stream."""

LOG_EVENTS: dict[stream.EventName, type[View]] = {
    stream.EventName.LINES: log_events.LogLinesEvent,
    stream.EventName.PROBLEM: log_events.LogProblemEvent,
    stream.EventName.BYE: stream.ByeEvent,
    stream.EventName.SIGNED_OUT: stream.SignedOutEvent,
}
"""The model of each event of a log that is followed."""


class _Untitled(GenerateJsonSchema):
    """Without titles, which only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        del schema
        return False


def document() -> dict[str, Any]:
    """The document."""
    models: set[type[View]] = {model for route in ROUTES for model in (route.answer, route.body) if model} | {
        *EVENTS.values(),
        *LOG_EVENTS.values(),
        ProblemView,
    }
    ordered = sorted(models, key=lambda model: model.__name__)
    _, schema = models_json_schema(
        [(model, "serialization") for model in ordered], ref_template="#/components/schemas/{model}", schema_generator=_Untitled
    )
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "gitops-agent dashboard",
            "version": VERSION,
            "description": "The API of the dashboard. Fields and routes are only ever added to v1.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schema["$defs"].items())),
            "responses": {
                "Problem": _content("Why the request was refused.", _reference(ProblemView), "application/problem+json")
            },
            "securitySchemes": {
                "cookie": {"type": "apiKey", "in": "cookie", "name": "__Host-gitops-agent"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "A Kubernetes token, for scripts."},
            },
        },
        "security": [{"cookie": []}, {"bearer": []}],
    }


def text() -> str:
    """The document as it is committed."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _operation(route: Route) -> dict[str, Any]:
    parameters = [_parameter(name) for name in _NAMES.findall(route.path)] + [_query(query) for query in route.query]
    answers: dict[str, Any] = {str(route.status): _answer(route), "default": {"$ref": "#/components/responses/Problem"}}
    result: dict[str, Any] = {"operationId": route.name, "summary": route.summary}
    if parameters:
        result["parameters"] = parameters
    if route.body is not None:
        result["requestBody"] = {"required": True, "content": {"application/json": {"schema": _reference(route.body)}}}
    result["responses"] = answers
    if route.public:
        result["security"] = []
    return result


def _answer(route: Route) -> dict[str, Any]:
    if route.answer is not None:
        answer = _content(route.summary, _reference(route.answer), "application/json")
        if route.follows:
            answer["description"] += f" With `follow=true` {_events(LOG_EVENTS)}"
            answer["content"]["text/event-stream"] = {"schema": {"type": "string"}}
        return answer
    if route.name == "stream":
        return _content(_events(EVENTS).capitalize(), {"type": "string"}, route.media)
    if route.media:
        return _content(route.summary, {"type": "object"}, route.media)
    return {"description": route.summary}


def _events(models: Mapping[stream.EventName, type[View]]) -> str:
    return "events: " + ", ".join(f"`{name.value}` ({model.__name__})" for name, model in models.items()) + "."


def _content(description: str, schema: dict[str, Any], media: str) -> dict[str, Any]:
    return {"description": description, "content": {media: {"schema": schema}}}


def _parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _query(query: Query) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": query.type}
    if query.default is not None:
        schema["default"] = query.default
    return {"name": query.name, "in": "query", "description": query.text, "schema": schema}


def _reference(model: type[View]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}
