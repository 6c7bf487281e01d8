from __future__ import annotations

from pathlib import Path

from gitops_agent.docsgen.openapi import write

ROOT = Path(__file__).parents[2]


def test_the_committed_description_of_the_api_is_fresh(tmp_path: Path) -> None:
    write(tmp_path)

    fresh = (ROOT / "docs/reference/openapi.json").read_text() == (tmp_path / "openapi.json").read_text()
    assert fresh, "run: python -m gitops_agent.docsgen.openapi docs/reference"
