"""Public repositories as Git bundles: where they lie, and clones of them.

They are no part of the project. `GITOPS_AGENT_CORPUS` names their folder; else it is looked for beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitops_agent.process import run

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "corpus"


def folder() -> Path:
    """Where the bundles lie; the test that asks is skipped when there are none."""
    place = Path(os.environ.get("GITOPS_AGENT_CORPUS") or _BESIDE)
    if not any(place.glob("*.bundle")):
        pytest.skip(f"no Git bundles in {place} (GITOPS_AGENT_CORPUS names their folder): public repositories are not tried")
    return place


def clone(name: str, target: Path, *options: str) -> Path:
    """A clone of a bundle's branch main, made once; options as `git clone` takes them."""
    bundle = folder() / f"{name}.bundle"
    if not bundle.exists():
        pytest.skip(f"{bundle} is not there")
    if not target.exists():
        run(("git", "clone", "--quiet", "--branch", "main", *options, str(bundle), str(target)))
    return target
