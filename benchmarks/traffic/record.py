"""The results of one scenario: requests, shares and times."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.traffic.answer import Answer
from benchmarks.traffic.load import Load

POINTS = 2.0
"""How far a share may be from what is wanted, in percent of the requests."""

FEWEST = 2000
"""Fewer requests say nothing about a share: then it is shown and not judged."""

_TOLD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One share that was measured.

    Attributes:
        want: percent of the requests that the canary should get.
        seen: percent it got.
        requests: how many were counted.
    """

    want: float
    seen: float
    requests: int

    @property
    def error(self) -> float:
        """How far off it is, in percent of the requests."""
        return abs(self.seen - self.want)

    @property
    def judged(self) -> bool:
        """Whether it was measured over enough requests."""
        return self.requests >= FEWEST


@dataclass(slots=True, kw_only=True)
class Record:
    """One scenario.

    Attributes:
        name: of the scenario.
        requests: sent, those of excluded windows left out.
        failed: of those.
        excluded: requests of windows in which failure was what the scenario did to the path, e.g. while the proxy was dead.
        shares: in the order they were measured.
        seconds: the scenario took.
        figures: other numbers by name, in seconds unless the name says otherwise.
        failures: the first few failed requests, and where the rollout stood then.
        notes: what a reader has to know about the numbers.
        away: windows on the monotonic clock in which the path was taken down on purpose: their requests are counted apart.
        broken: why the scenario could not be carried through; empty when it was.
    """

    name: str
    requests: int = 0
    failed: int = 0
    excluded: int = 0
    shares: list[Share] = field(default_factory=list)
    seconds: float = 0.0
    figures: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    away: list[tuple[float, float]] = field(default_factory=list)
    broken: str = ""

    def take(self, load: Load, place: Callable[[float], str] = lambda _: "") -> None:
        """Adds a load that has ended.

        Args:
            load: stopped.
            place: where the rollout stood at a moment of the monotonic clock, in words.
        """
        answers = load.since()
        apart = [answer for answer in answers if any(begin <= answer.at <= end for begin, end in self.away)]
        late = [answer for answer in answers if answer.error == "timeout" and any(_met(answer, stall) for stall in load.stalls)]
        if late:
            longest = max(end - begin for begin, end in load.stalls)
            self.notes.append(f"{len(late)} requests timed out while the load itself stood still, for up to {longest:.1f} s")
            apart += late
        self.excluded += len(apart)
        self.requests += len(answers) - len(apart)
        gone = {id(answer) for answer in apart}
        self._fail([answer for answer in answers if answer.failed and id(answer) not in gone], place)

    def share(self, load: Load, want: float, count: int, *, variant: str = "canary") -> Share:
        """Measures a share over the next requests, and waits for them."""
        # Those under way were sent before the share was in force for certain.
        mark = load.mark()
        load.wait(50, since=mark)
        mark = load.mark()
        load.wait(count, since=mark)
        answered = [answer for answer in load.since(mark)[:count] if answer.pod]
        seen = 100.0 * sum(answer.variant == variant for answer in answered) / max(1, len(answered))
        made = Share(want=want, seen=round(seen, 2), requests=len(answered))
        self.shares.append(made)
        return made

    def worst(self, name: str, seconds: float) -> None:
        """Keeps the largest of several times."""
        self.figures[name] = round(max(self.figures.get(name, 0.0), seconds), 3)

    @property
    def fine(self) -> bool:
        """Whether nothing failed and every share that counts was right."""
        return not self.failed and not self.broken and all(share.error <= POINTS for share in self.shares if share.judged)

    def document(self) -> dict[str, Any]:
        """As JSON values; what is empty is left out."""
        raw = asdict(self) | {"seconds": round(self.seconds, 1)}
        figures = raw.pop("figures")
        del raw["away"]
        kept = ("name", "requests", "failed", "shares", "seconds")
        shown: dict[str, Any] = {name: value for name, value in raw.items() if value or name in kept}
        return {**shown, **figures}

    def _fail(self, failures: list[Answer], place: Callable[[float], str]) -> None:
        self.failed += len(failures)
        base = time.time() - time.monotonic()
        for answer in failures[: max(0, _TOLD - len(self.failures))]:
            clock = time.strftime("%H:%M:%S", time.gmtime(base + answer.at))
            self.failures.append(f"{clock}.{int((base + answer.at) % 1 * 1000):03d} {answer}{place(answer.at)}")


def _met(answer: Answer, stall: tuple[float, float]) -> bool:
    """Whether a request was under way during a stall."""
    return answer.at <= stall[1] and answer.at + answer.seconds >= stall[0]


def document(records: list[Record]) -> dict[str, Any]:
    """All scenarios as one JSON value."""
    judged = [share.error for record in records for share in record.shares if share.judged]
    return {
        "requests_sent": sum(record.requests for record in records),
        "requests_failed": sum(record.failed for record in records),
        "worst_share_error": round(max(judged, default=0.0), 2),
        "scenarios": [record.document() for record in records],
    }


def table(records: list[Record]) -> str:
    """The same for people."""
    width = max((len(record.name) for record in records), default=0)
    lines = [f"{'scenario':<{width}}  requests  failed  seconds  what was seen"]
    for record in records:
        remarks = [f"{share.want:g} % → {share.seen:.1f} % of {share.requests}" for share in record.shares]
        remarks += [f"{name.replace('_', ' ')} {value:g}" for name, value in record.figures.items()]
        remarks += [f"{record.excluded} requests excluded"] if record.excluded else []
        remarks += [*record.notes, *([f"BROKEN: {record.broken}"] if record.broken else [])]
        lines.append(
            f"{record.name:<{width}}  {record.requests:>8}  {record.failed:>6}  {record.seconds:>7.1f}  {'; '.join(remarks)}"
        )
        lines += [f"{'':<{width}}  {failure}" for failure in record.failures]
    return "\n".join(lines)
