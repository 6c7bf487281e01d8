"""Rollouts under real traffic, in figures.

`python -m benchmarks traffic [--quick] [--json [FILE]] [--only NAME …]`.

Everything runs in a network namespace of its own: a control plane with kube-proxy, pods that answer, Envoy behind a Gateway API
controller, Prometheus, the agent as it is installed, and steady load. Progress goes to stderr; the last thing on stdout is the
table, or with `--json` the figures. The exit code is 1 when a request failed, a share was off, or a scenario broke.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.published import GATEWAY_API
from benchmarks.traffic.installation import Installation
from benchmarks.traffic.record import Record, document, table
from benchmarks.traffic.scenarios import departures, kills, losses, matches, outages, steps, switches
from benchmarks.traffic.test_bed import TestBed
from gitops_agent.errors import AgentError
from gitops_agent.sandbox import network
from gitops_agent.toolchain.catalog import TOOLS, selected
from gitops_agent.toolchain.installer import Installer
from gitops_agent.toolchain.progress import to_stderr
from gitops_agent.toolchain.system_packages import PACKAGES, SystemPackages

Scenario = Callable[[Installation, Record], None]

SCENARIOS: Mapping[str, Scenario] = {
    "canary by route": steps.gateway,
    "canary by pods": steps.service,
    "aborted": departures.aborts,
    "superseded": departures.supersedes,
    "reverted in Git": departures.reverts,
    "blue-green by route": switches.gateway,
    "blue-green by selector": switches.service,
    "pods lost": losses.pods,
    "proxy down": outages.proxy,
    "metrics down": outages.blind,
    "metric fails": outages.failing,
    "header": matches.header,
    "mirror": matches.mirror,
    "agent killed, by route": kills.gateway,
    "agent killed, by pods": kills.service,
}
QUICK = (
    "canary by route",
    "canary by pods",
    "agent killed, by route",
    "aborted",
    "blue-green by selector",
    "pods lost",
    "metric fails",
    "header",
)
"""What the shortened run plays; the rest of them differ in the moment, not in the matter."""

QUICK_LANES = 3
"""So many scenarios are played at a time in the shortened run; each has an application of its own."""

NO_NETWORK = 3
"""The exit code when the platform gives no network namespace: nothing was measured."""


def main(argv: Sequence[str]) -> int:
    """Runs the selected scenarios; 0 when all passed."""
    arguments = _parsed(argv)
    _fetch()
    try:
        network.enter((sys.executable, "-m", "benchmarks", "traffic", *argv))
    except network.NoNetwork as error:
        sys.stderr.write(f"{error}\n")
        return NO_NETWORK
    wanted = arguments.only or (QUICK if arguments.quick else tuple(SCENARIOS))
    folder = Path(tempfile.mkdtemp(prefix="gitops-agent-traffic-"))
    records: list[Record] = []
    try:
        with (
            TestBed(folder) as stage,
            Installation(stage, quick=arguments.quick, stride=arguments.stride) as installation,
            ThreadPoolExecutor(arguments.lanes or (QUICK_LANES if arguments.quick else 1)) as lanes,
        ):
            records += lanes.map(lambda name: _played(installation, name), wanted)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    if arguments.json is None:
        print(table(records))
    else:
        text = json.dumps(document(records), indent=2)
        print(text) if arguments.json == "-" else Path(arguments.json).write_text(f"{text}\n")
    return 0 if all(record.fine for record in records) else 1


def _fetch() -> None:
    """Fetches missing files, as the namespace has no network."""
    progress = to_stderr()
    Installer(progress=progress).ensure(selected(tuple(TOOLS)))
    programs = SystemPackages(progress=progress)
    for name in PACKAGES:
        programs.find(name)
    GATEWAY_API.folder(progress)


def _played(installation: Installation, name: str) -> Record:
    sys.stderr.write(f"{name} …\n")
    record = Record(name=name)
    begun = time.monotonic()
    try:
        SCENARIOS[name](installation, record)
    except (AgentError, AssertionError) as error:
        record.broken = f"{type(error).__name__}: {error}".splitlines()[0][:400]
        sys.stderr.write("".join(f"  {line}\n" for line in getattr(error, "__notes__", ())))
    record.seconds = time.monotonic() - begun
    sys.stderr.write(f"{table([record]).splitlines()[1]}\n")
    sys.stderr.writelines(f"  {line}\n" for line in record.failures)
    return record


def _parsed(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks traffic", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"only {', '.join(QUICK)}, and less of each")
    parser.add_argument("--json", nargs="?", const="-", metavar="FILE", help="JSON to this file, to stdout without one")
    parser.add_argument(
        "--only", action="append", choices=tuple(SCENARIOS), metavar="NAME", help=f"one of {', '.join(SCENARIOS)}"
    )
    parser.add_argument("--stride", type=int, default=1, help="kill the agent at every so many calls (default 1)")
    parser.add_argument("--lanes", type=int, default=0, help=f"scenarios at a time (default 1, {QUICK_LANES} with --quick)")
    parser.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    return parser.parse_args(argv)
