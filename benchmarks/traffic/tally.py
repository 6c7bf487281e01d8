"""Counts the answers of one pod, for itself and Prometheus."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.traffic.pods import Pod

BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds of the latency histogram, in seconds."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """Counts of one pod.

    Attributes:
        pod: whose.
        codes: answers by status.
        mirrored: how many of them went to a copy that a gateway had made of a request.
        buckets: answers no slower than each of `BUCKETS`, not cumulated.
        seconds: all latencies together.
    """

    pod: Pod
    codes: dict[int, int] = field(default_factory=lambda: {200: 0})
    mirrored: int = 0
    buckets: list[int] = field(default_factory=lambda: [0] * len(BUCKETS))
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """All answers."""
        return sum(self.codes.values())

    def add(self, code: int, seconds: float, *, mirrored: bool) -> None:
        """Counts one answer."""
        self.codes[code] = self.codes.get(code, 0) + 1
        self.mirrored += mirrored
        self.seconds += seconds
        for number, bound in enumerate(BUCKETS):
            if seconds <= bound:
                self.buckets[number] += 1
                break


def exposition(tallies: Iterable[Tally]) -> str:
    """The counts in Prometheus' text format, by pod.

    `http_requests_total` by code and `http_request_duration_seconds`.
    """
    requests, durations = ["# TYPE http_requests_total counter"], ["# TYPE http_request_duration_seconds histogram"]
    for tally in tallies:
        pod = tally.pod
        labels = f'namespace="{pod.namespace}",pod="{pod.name}",image="{pod.image}",variant="{pod.variant}"'
        requests += [f'http_requests_total{{code="{code}",{labels}}} {count}' for code, count in tally.codes.items()]
        below = 0
        for bound, count in zip(BUCKETS, tally.buckets, strict=True):
            below += count
            durations.append(f'http_request_duration_seconds_bucket{{le="{bound}",{labels}}} {below}')
        durations += [
            f'http_request_duration_seconds_bucket{{le="+Inf",{labels}}} {tally.total}',
            f"http_request_duration_seconds_sum{{{labels}}} {tally.seconds:.6f}",
            f"http_request_duration_seconds_count{{{labels}}} {tally.total}",
        ]
    return "\n".join([*requests, *durations, ""])
