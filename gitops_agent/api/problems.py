"""All violations of one object, each with its path.

A resource the API server accepted can still be unreadable: it may have been stored under an older schema, or ask for something
this version does not do yet. Such an object stalls alone, and its owner sees every problem in one go.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, get_args

import orjson
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gitops_agent.api.model import Model
from gitops_agent.errors import AgentError

_SHOWN = 10

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        path: the field, e.g. `spec.sync.interval` or `spec.dependsOn[0].name`.
        message: without the value, which may be a secret in the wrong place.
    """

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


class SpecInvalid(AgentError):
    """A spec that cannot be reconciled.

    Args:
        problems: at least one.
        reason: a code from the table of reasons; `InvalidSpec` when empty.
    """

    reason = "InvalidSpec"

    def __init__(self, problems: Iterable[Problem], *, reason: str = "") -> None:
        self.problems = tuple(problems)
        shown = "; ".join(str(problem) for problem in self.problems[:_SHOWN])
        rest = f"; and {len(self.problems) - _SHOWN} more" if len(self.problems) > _SHOWN else ""
        super().__init__(
            shown + rest,
            reason=reason or "InvalidSpec",
            problems=[{"path": problem.path, "message": problem.message} for problem in self.problems],
        )


def read(model: type[M], value: Any, *, root: str) -> M:
    """The model of a JSON value, spelled as in YAML.

    Raises:
        SpecInvalid: with every problem; paths start with `root`.
    """
    try:
        data = orjson.dumps(value)
    except TypeError as error:
        raise SpecInvalid([Problem(path=root, message="is not a JSON value, or nested too deeply")]) from error
    try:
        # Strict JSON: "yes" is no boolean and "5" no number, as for the API server; only the names of YAML count.
        return model.model_validate_json(data, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise SpecInvalid([_problem(model, root, detail) for detail in details]) from None


def _problem(model: type[Model], root: str, detail: ErrorDetails) -> Problem:
    location = detail["loc"]
    if location[-1:] == ("[key]",):
        return Problem(path=_path(root, location[:-2]), message=f"the key {str(location[-2])[:64]!r} {_message(detail)}")
    if detail["type"] != "extra_forbidden":
        return Problem(path=_path(root, location), message=_message(detail))
    names = [field.alias or name for name, field in _model_at(model, location[:-1]).model_fields.items()]
    similar = difflib.get_close_matches(str(location[-1]), names, n=1, cutoff=0.6)
    hint = f"did you mean {similar[0]}?" if similar else f"known are {', '.join(names)}"
    return Problem(path=_path(root, location), message=f"is unknown; {hint}")


_MESSAGES = {
    "missing": "is missing",
    "enum": "is none of {expected}",
    "literal_error": "is none of {expected}",
    "greater_than_equal": "is less than {ge}",
    "less_than_equal": "is more than {le}",
    "too_short": "has fewer than {min_length} entries",
    "too_long": "has more than {max_length} entries",
    "string_too_long": "is longer than {max_length} characters",
    "string_too_short": "is empty",
    "json_invalid": "is nested too deeply",
    "string_type": "is not text",
    "bool_type": "is neither true nor false",
    "int_type": "is not a whole number",
    "dict_type": "is not a map",
    "model_type": "is not a map",
    "model_attributes_type": "is not a map",
    "tuple_type": "is not a list",
}


def _message(detail: ErrorDetails) -> str:
    ours = _MESSAGES.get(detail["type"])
    return detail["msg"] if ours is None else ours.format_map(detail.get("ctx", {}))


def _path(root: str, location: tuple[int | str, ...]) -> str:
    return root + "".join(f"[{part}]" if isinstance(part, int) else f".{part[:64]}" for part in location)


def _model_at(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel]:
    """The model that holds the field at a location, or its ancestor."""
    for part in location:
        field = next((field for name, field in model.model_fields.items() if part in {field.alias, name}), None)
        if field is not None:
            model = next(_models(field.annotation), model)
    return model


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models inside a type such as `tuple[Model, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
