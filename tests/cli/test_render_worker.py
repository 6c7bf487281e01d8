"""Where nothing speaks to it; what it renders stands in `tests/render/worker`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_without_an_agent_it_says_so(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "gitops_agent", "render-worker", "--scratch", str(tmp_path)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.startswith("error: there is no agent")
