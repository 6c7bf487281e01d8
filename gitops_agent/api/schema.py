"""Converts a pydantic model into the structural schema of a CRD.

Structural means: no references, every node has one type, no `additionalProperties` beside `properties`, defaults are complete
values. An object whose fields have defaults gets the default `{}`: the server then fills its fields one by one.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from gitops_agent.api.durations import format_duration
from gitops_agent.api.model import Model

Schema = dict[str, Any]

_KEPT = (
    "type",
    "format",
    "description",
    "enum",
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "maxProperties",
    "x-kubernetes-validations",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-preserve-unknown-fields",
)


class _Generator(GenerateJsonSchema):
    """Spells the defaults as they are spelled in YAML."""

    def encode_default(self, dft: Any) -> Any:
        return format_duration(dft) if isinstance(dft, timedelta) else super().encode_default(dft)


def structural(model: type[Model], *, defaults: bool = True) -> Schema:
    """The structural schema of a model.

    Args:
        model: the model.
        defaults: whether the API server shall fill in what is absent: yes for a spec, never for a status.
    """
    raw = model.model_json_schema(by_alias=True, mode="validation", schema_generator=_Generator)
    return _node(raw, raw.get("$defs", {}), defaults=defaults)


def _node(raw: Schema, definitions: dict[str, Schema], *, defaults: bool) -> Schema:
    raw = _resolved(raw, definitions)
    result = {key: raw[key] for key in _KEPT if key in raw}
    if "description" in result:
        result["description"] = " ".join(result["description"].split())
    if "const" in raw:
        result["enum"] = [raw["const"]]
    if "items" in raw:
        result["items"] = _node(raw["items"], definitions, defaults=defaults)
    if raw.get("type") == "object":
        result |= _object(raw, definitions, defaults=defaults)
    # Null, empty lists and empty texts say nothing that their absence does not say.
    if defaults and raw.get("default") not in (None, [], ""):
        result["default"] = {} if raw["type"] == "object" else raw["default"]
    return result


def _object(raw: Schema, definitions: dict[str, Schema], *, defaults: bool) -> Schema:
    if "properties" in raw:
        properties = {name: _node(part, definitions, defaults=defaults) for name, part in raw["properties"].items()}
        required = [name for name in raw.get("required", ()) if "default" not in properties[name]]
        return {"properties": properties} | ({"required": required} if required else {})
    # A pattern of keys has no place in a structural schema; the agent checks it when it reads the object.
    values = next(iter(raw.get("patternProperties", {}).values()), raw.get("additionalProperties"))
    if isinstance(values, dict):
        return {"additionalProperties": _node(values, definitions, defaults=defaults)}
    return {"x-kubernetes-preserve-unknown-fields": True}


def _resolved(raw: Schema, definitions: dict[str, Schema]) -> Schema:
    """The node without `$ref` and without the null of an optional field.

    Fields beside a reference win over those of its target.
    """
    beside = {key: value for key, value in raw.items() if key not in {"$ref", "anyOf"}}
    if "$ref" in raw:
        return _resolved(definitions[raw["$ref"].rpartition("/")[2]], definitions) | beside
    if "anyOf" in raw:
        (only,) = (choice for choice in raw["anyOf"] if choice.get("type") != "null")
        return _resolved(only, definitions) | beside
    return raw
