"""Rollouts under real traffic, shortened: no request is lost.

Envoy and kube-proxy, pods that answer, steady load.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.traffic.record import FEWEST, POINTS
from benchmarks.traffic.run import NO_NETWORK, QUICK

pytestmark = [pytest.mark.cluster, pytest.mark.faults]

_SECONDS = 900


@pytest.mark.timeout(_SECONDS + 60)
def test_no_request_is_lost_and_every_share_is_right_while_versions_take_over(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    argv = (sys.executable, "-m", "benchmarks", "traffic", "--quick", "--json", str(figures))

    run = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=False)

    if run.returncode == NO_NETWORK:
        pytest.skip(f"this machine gives no network of its own: {run.stderr.strip().splitlines()[-1]}")
    results = json.loads(figures.read_text()) if figures.exists() else {}
    assert run.returncode == 0, (run.stderr[-4000:], results)
    assert [scenario["name"] for scenario in results["scenarios"]] == list(QUICK)
    assert results["requests_failed"] == 0
    assert results["requests_sent"] > 5000
    judged = [share for scenario in results["scenarios"] for share in scenario["shares"] if share["requests"] >= FEWEST]
    assert len(judged) >= 3
    assert all(abs(share["seen"] - share["want"]) <= POINTS for share in judged), judged
    by_name = {scenario["name"]: scenario for scenario in results["scenarios"]}
    assert by_name["agent killed, by route"]["kills"] == 2
    assert by_name["metric fails"]["verdict_to_weight_0"] < 5
