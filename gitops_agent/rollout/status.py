"""The state as it stands in the status of a RolloutPolicy, and back: camelCase, RFC 3339, empty parts left out.

Reading is exact: a field that is not understood is an error, because a state half understood is a rollout half undone.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from pydantic.alias_generators import to_camel, to_snake

from gitops_agent.api.problems import Problem, SpecInvalid
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.state import RolloutState

FIELD = "state"
"""The field of the status that holds it; what people read stands beside it."""


def to_status(state: RolloutState) -> Object:
    """The status: the state, and what of it people and printer columns look for."""
    run = {"revision": state.target.commit, "hash": state.target.hash} if state.target else {}
    stable = {"revision": state.stable.commit, "hash": state.stable.hash} if state.stable else {}
    shown: Object = {
        "phase": str(state.phase),
        "stage": str(state.stage),
        "step": state.step,
        "weight": state.traffic.want.weight,
        "message": state.reason,
        "stable": stable,
        "target": run,
        FIELD: _json(state),
    }
    return {name: value for name, value in shown.items() if value not in ("", {})}


def from_status(status: Mapping[str, Any]) -> RolloutState:
    """The state a status holds; the empty one, which means that nothing is known, when it holds none.

    Raises:
        SpecInvalid: it holds what is no state.
    """
    raw = status.get(FIELD)
    if raw is None:
        return RolloutState()
    try:
        value = _value(RolloutState, raw)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        problem = Problem(path=f"status.{FIELD}", message=f"is no state of a rollout: {error}")
        raise SpecInvalid([problem]) from error
    assert isinstance(value, RolloutState)  # noqa: S101 - for the type checker
    return value


def _json(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        pairs = ((one, getattr(value, one.name)) for one in fields(value))
        return {to_camel(one.name): _json(part) for one, part in pairs if part != _default(one)}
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, StrEnum):
        return str(value)
    return [_json(one) for one in value] if isinstance(value, tuple) else value


def _default(one: Any) -> Any:
    return one.default if one.default is not MISSING else MISSING


def _value(kind: Any, raw: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        (kind,) = (one for one in get_args(kind) if one is not types.NoneType)
        return None if raw is None else _value(kind, raw)
    if origin is tuple:
        return tuple(_value(get_args(kind)[0], one) for one in _checked(list, raw))
    if origin is dict:
        return _checked(dict, raw)
    if isinstance(kind, type) and is_dataclass(kind):
        hints = _hints(kind)
        return _made(kind, {to_snake(name): _value(hints[to_snake(name)], part) for name, part in _checked(dict, raw).items()})
    if kind is datetime:
        moment = datetime.fromisoformat(_checked(str, raw))
        if moment.tzinfo is None:
            raise ValueError(f"{raw} has no time zone")
        return moment.astimezone(UTC)
    return kind(raw) if issubclass(kind, StrEnum) else _checked(kind, raw)


def _made(kind: Any, values: dict[str, Any]) -> Any:
    return kind(**values)


def _checked(kind: type, raw: Any) -> Any:
    if not isinstance(raw, kind) or (kind is int and isinstance(raw, bool)):
        raise TypeError(f"{str(raw)[:40]!r} is no {kind.__name__}")
    return raw


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
