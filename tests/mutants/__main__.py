"""`make mutants`: the share of mutations of the core that tests find.

The sample is the same for the same code. Only tests without control plane run, since a test beside the line has to find the
mistake.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain, zip_longest
from pathlib import Path

import pytest

from tests.mutants.mutation import Mutation, mutations
from tests.mutants.runner import MutantRunner, Result, Verdict

ROOT = Path(__file__).resolve().parents[2]
CORE = [
    "manifest/*.py",
    "notify/address.py",
    "notify/template.py",
    "render/graph.py",
    "render/inputs.py",
    "render/worktree.py",
    "rollout/*.py",
    "rollout/phases/*.py",
    "source/checkout.py",
    "source/paths.py",
    "source/semver.py",
    "sync/*.py",
    "sync/apply/replacement.py",
    "sync/drift/*.py",
    "sync/ordering/*.py",
    "sync/planning/*.py",
]
_OUTSIDE = {ROOT / "gitops_agent/sync/planning/blast_radius.py"}
"""Asks the API server, so only tests on a control plane call it."""
TESTS = ["agent", "manifest", "notify", "preview", "render", "rollout", "source", "sync"]
"""Folders of tests/ that call the core."""


def sample(modules: Iterable[Path], size: int) -> list[Mutation]:
    """At most `size` mutations, drawn evenly from all modules."""
    ranked = [sorted(mutations(module), key=lambda mutation: mutation.rank) for module in modules]
    turns = chain.from_iterable(zip_longest(*ranked))
    return [mutation for mutation in turns if mutation is not None][:size]


def report(results: Sequence[Result]) -> Iterable[str]:
    """A line a module, then the sum."""
    modules: dict[Path, list[bool]] = defaultdict(list)
    for result in results:
        modules[result.mutation.module.relative_to(ROOT / "gitops_agent")].append(result.is_killed)
    yield from (f"{module}: {sum(killed)} of {len(killed)}" for module, killed in sorted(modules.items()))
    yield f"killed: {sum(result.is_killed for result in results)} of {len(results)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exits with 1 if fewer mutations are killed than `--least` demands."""
    parser = argparse.ArgumentParser(prog="make mutants", description="Mutate the pure core and run the tests that call it.")
    parser.add_argument("modules", nargs="*", help="modules below gitops_agent/, default all of the core")
    parser.add_argument("--size", type=int, default=224, help="mutations to try (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=2, help="mutations tried at a time (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=120, help="time for the tests of one mutation (default %(default)s)")
    parser.add_argument("--least", type=float, default=0, help="percentage that must be killed (default %(default)s)")
    options = parser.parse_args(arguments)
    core = options.modules or CORE
    modules = sorted({path for pattern in core for path in (ROOT / "gitops_agent").glob(pattern)} - _OUTSIDE)
    runner = MutantRunner(sample(modules, options.size), jobs=options.jobs, seconds=options.seconds)
    folders = [str(ROOT / "tests" / folder) for folder in TESTS]
    flags = ["-q", "--no-header", "-p", "no:xdist", "-p", "no:cacheprovider", "-m", "not cluster and not slow"]
    code = pytest.main([*flags, "--hypothesis-profile=mutants", *folders], plugins=[runner])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) or not runner.results:
        return 2
    results = [result for result in runner.results if result.verdict is not Verdict.INAPPLICABLE]
    for line in report(results):
        sys.stdout.write(f"{line}\n")
    return 0 if 100 * sum(result.is_killed for result in results) >= options.least * len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
