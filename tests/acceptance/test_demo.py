from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from gitops_agent.process import Limits, run


@pytest.mark.cluster
@pytest.mark.e2e
@pytest.mark.timeout(480)
def test_the_demonstration_is_observed_step_by_step_in_the_cluster(tmp_path: Path) -> None:
    result = run(
        (sys.executable, "-m", "gitops_agent", "demo", "--exit", "--dir", str(tmp_path / "demo")),
        env={"HOME": str(Path.home())},
        limits=Limits(seconds=420),
    )

    text = result.stderr + result.stdout.decode()
    seen = (
        "First sync",
        "An image bump",
        "A canary, step by step",
        "A bad version is rolled back by itself",
        "A fixed commit goes on",
        "A blue-green switch",
        "Manual drift",
        "A Job before the sync",
        "A commit that degrades is rolled back",
        "A corrected commit is applied",
        "A mass deletion is held",
        "Approved by its hash",
        "A Secret encrypted with SOPS",
        *(("An unsigned commit is refused", "A signed commit is applied") if shutil.which("ssh-keygen") else ()),
    )
    assert [step for step in seen if f"✓ {step}" not in text] == []
