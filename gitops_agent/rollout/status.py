"""Status of a RolloutPolicy: the state as JSON, and printer columns.

Problem: a state half understood is a rollout half undone. Decision: pydantic reads it strictly, and a field that is unknown,
missing or of the wrong type is an error; fields that have their default are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from gitops_agent.api.problems import Problem, SpecInvalid
from gitops_agent.manifest.key import Object
from gitops_agent.rollout.state import RolloutState

FIELD = "state"
"""The field of the status that holds the state."""

_STATE: TypeAdapter[RolloutState | None] = TypeAdapter(
    RolloutState | None, config=ConfigDict(alias_generator=to_camel, extra="forbid", strict=True)
)


def to_status(state: RolloutState) -> Object:
    """The status: the state, and fields for printer columns."""
    run = {"revision": state.target.commit, "hash": state.target.hash} if state.target else {}
    good = state.target if state.promoted else state.stable
    stable = {"revision": good.commit, "hash": good.hash} if good else {}
    shown: Object = {
        "phase": str(state.phase),
        "stage": str(state.stage),
        "step": state.step,
        "weight": state.traffic.want.weight,
        "message": state.reason,
        "stable": stable,
        "target": run,
        FIELD: _STATE.dump_python(state, mode="json", by_alias=True, exclude_defaults=True),
    }
    return {name: value for name, value in shown.items() if value not in ("", {})}


def from_status(status: Mapping[str, Any]) -> RolloutState:
    """The state of a status; the empty state when it holds none.

    Raises:
        SpecInvalid: it holds what is no state; with every problem and its path.
    """
    try:
        # As JSON: only there does strictness take texts for times and enumerations.
        return _STATE.validate_json(orjson.dumps(status.get(FIELD))) or RolloutState()
    except TypeError as error:
        raise SpecInvalid([_problem((), "it is not JSON")]) from error
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise SpecInvalid([_problem(detail["loc"], detail["msg"]) for detail in details]) from None


def _problem(location: tuple[int | str, ...], message: str) -> Problem:
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part[:64]}" for part in location)
    return Problem(path=f"status.{FIELD}{path}", message=f"is not the state of a rollout: {message}")
