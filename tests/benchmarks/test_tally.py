from __future__ import annotations

from benchmarks.traffic.pods import Pod
from benchmarks.traffic.tally import BUCKETS, Tally, exposition


def test_the_exposition_has_counts_by_code_and_cumulated_buckets() -> None:
    tally = Tally(pod=Pod(address="10.88.0.1", namespace="shop", name="web-1", image="web:2", variant="canary"))
    for code, seconds in ((200, 0.0), (200, 0.2), (500, 9.0)):
        tally.add(code, seconds, mirrored=False)

    lines = dict(line.rsplit(" ", 1) for line in exposition([tally]).splitlines() if not line.startswith("#"))
    labels = 'namespace="shop",pod="web-1",image="web:2",variant="canary"'
    assert lines[f'http_requests_total{{code="200",{labels}}}'] == "2"
    assert lines[f'http_requests_total{{code="500",{labels}}}'] == "1"
    buckets = [int(lines[f'http_request_duration_seconds_bucket{{le="{bound}",{labels}}}']) for bound in BUCKETS]
    assert buckets == [1, 1, 1, 1, 2, 2, 2, 2, 2]
    assert lines[f'http_request_duration_seconds_bucket{{le="+Inf",{labels}}}'] == "3"
    assert lines[f"http_request_duration_seconds_sum{{{labels}}}"] == "9.200000"
