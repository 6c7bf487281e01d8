"""Runs and prints the measurements: `python -m benchmarks [NAME …] [--json FILE]`.

`python -m benchmarks traffic` is a measurement of its own, in a world of its own; see `benchmarks/traffic/run.py`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.cluster_env import ClusterEnv, Figure

_WIDTH = 30
NAMES = ("install", "steady", "push", "drift", "memory", "restart", "failover")


def main() -> int:
    """Runs the selected measurements; 1 when one could not be made."""
    if sys.argv[1:2] == ["traffic"]:
        return importlib.import_module("benchmarks.traffic.run").main(sys.argv[2:])  # type: ignore[no-any-return]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(NAMES)}; all when none is named")
    parser.add_argument("--applications", type=int, default=100, help="applications of five objects (default 100)")
    parser.add_argument("--json", type=Path, default=None, help="write the figures to this file as well")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(NAMES))
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(NAMES)}")
    wanted = [name for name in NAMES if not arguments.names or name in arguments.names]
    figures: list[Figure] = []
    with (
        tempfile.TemporaryDirectory(prefix="gitops-agent-bench-") as folder,
        ClusterEnv(Path(folder), arguments.applications) as world,
    ):
        for name in wanted:
            sys.stderr.write(f"{name} …\n")
            module = importlib.import_module(f"benchmarks.{name}")
            results = module.measure(world)
            figures += results
            for figure in results:
                print(f"{figure.name:<{_WIDTH}}  {figure.value:>10.2f} {figure.unit:<6} {figure.note}".rstrip(), flush=True)
            # Results so far: a thousand applications take long, and a user may end the run early.
            if arguments.json:
                arguments.json.write_text(json.dumps([figure.document() for figure in figures], indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
