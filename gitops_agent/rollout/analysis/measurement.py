"""From one answer of a provider to one of four verdicts.

`noData` is asked first: a result that holds nothing (absent, empty, only NaN) never reaches a condition, so no spelling of a
condition can turn silence into success by accident. A gap in a part of the result that a condition asks for counts the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gitops_agent.manifest.key import Object
from gitops_agent.rollout.analysis.expression.evaluator import Condition, ConditionFailed, NoData
from gitops_agent.rollout.analysis.metric import MetricCriteria, Verdict

_SHOWN = 200
_LARGE = 10**15


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One measurement as it is kept and shown.

    Args:
        at: when, with a time zone.
        verdict: what it says.
        value: the result in short, for people.
        message: why, empty where the verdict says it all.
    """

    at: datetime
    verdict: Verdict
    value: str = ""
    message: str = ""

    def written(self) -> Object:
        """As it stands in a status."""
        fields = {"value": self.value, "message": self.message}
        return {
            "at": self.at.isoformat(),
            "verdict": str(self.verdict),
            **{name: text for name, text in fields.items() if text},
        }


def measured(metric: MetricCriteria, result: Any, *, at: datetime) -> Measurement:
    """The measurement of a JSON value that a provider gave."""
    shown = short(result)
    if empty(result):
        return Measurement(at=at, verdict=metric.no_data, value=shown, message="no data")
    try:
        verdict, message = _judge(metric, result)
    except NoData as error:
        return Measurement(at=at, verdict=metric.no_data, value=shown, message=f"no data: {error}")
    except ConditionFailed as error:
        return Measurement(at=at, verdict=Verdict.ERROR, value=shown, message=str(error))
    return Measurement(at=at, verdict=verdict, value=shown, message=message)


def failed(message: str, *, at: datetime) -> Measurement:
    """The measurement of a failed request; `message` holds no secret."""
    return Measurement(at=at, verdict=Verdict.ERROR, message=message)


def empty(result: Any) -> bool:
    """Whether a result holds nothing: absent, NaN, or a collection of such."""
    if isinstance(result, float):
        return math.isnan(result)
    if isinstance(result, list):
        return all(map(empty, result))
    return result is None or result == {}


def short(result: Any) -> str:
    """A result for people, in one line: numbers only.

    The author of a policy chooses the address, and more people read a status than may read what lies there.
    """
    if isinstance(result, list):
        return _cut("[" + ", ".join(map(short, result[:_SHOWN])) + "]")
    if isinstance(result, bool) or result is None:
        return {True: "true", False: "false", None: ""}[result]
    if isinstance(result, int | float):
        return str(result) if isinstance(result, int) and abs(result) < _LARGE else f"{result:.6g}"
    if isinstance(result, str):
        return f"text of {len(result)} character{'' if len(result) == 1 else 's'}"
    return f"a map of {len(result)} field{'' if len(result) == 1 else 's'}"


def _cut(line: str) -> str:
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"


def _judge(metric: MetricCriteria, result: Any) -> tuple[Verdict, str]:
    fails = _holds(metric.failure, result)
    succeeds = _holds(metric.success, result)
    if fails:
        return Verdict.FAILURE, f"`{metric.failure.text}` holds" if metric.failure else ""
    if succeeds is None:
        return Verdict.SUCCESS, ""
    if succeeds:
        return Verdict.SUCCESS, ""
    words = f"`{metric.success.text}` does not hold" if metric.success else ""
    return (Verdict.FAILURE if fails is None else Verdict.INCONCLUSIVE), words


def _holds(condition: Condition | None, result: Any) -> bool | None:
    return None if condition is None else condition.holds(result)
