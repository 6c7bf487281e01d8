"""Clones of public repositories, from Git bundles.

The bundles are not part of the project. `GITOPS_AGENT_CORPUS` names their folder; the default lies beside the checkout.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitops_agent.process import run

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "corpus"


def clone(name: str, target: Path, *options: str) -> Path:
    """A clone of a bundle's main branch, made once, or a skip.

    Options as `git clone` takes them.
    """
    folder = Path(os.environ.get("GITOPS_AGENT_CORPUS") or _BESIDE)
    bundle = folder / f"{name}.bundle"
    if not bundle.exists():
        pytest.skip(
            f"no Git bundle {name} in {folder} (GITOPS_AGENT_CORPUS names the folder): this public repository is not tried"
        )
    if not target.exists():
        run(("git", "clone", "--quiet", "--branch", "main", *options, str(bundle), str(target)))
    return target
