from __future__ import annotations

from pathlib import Path

from gitops_agent.api.reasons import REASONS
from gitops_agent.config.settings import paths
from gitops_agent.docsgen.resources import pages, write

ROOT = Path(__file__).parents[2]


def test_the_committed_pages_are_what_the_code_says() -> None:
    stale = [name for name, text in pages().items() if (ROOT / "docs/reference" / name).read_text() != text]

    assert stale == [], "run: python -m gitops_agent.docsgen.resources docs/reference"


def test_the_pages_are_written(tmp_path: Path) -> None:
    write(tmp_path / "reference")

    assert {path.name for path in (tmp_path / "reference").iterdir()} == {
        "application.md",
        "configuration.md",
        "import.md",
        "notifier.md",
        "reasons.md",
        "rolloutpolicy.md",
    }


def test_every_setting_is_on_its_page() -> None:
    text = pages()["configuration.md"]

    assert [path for path in paths() if f"`{path}`" not in text] == []


def test_every_reason_is_on_its_page() -> None:
    text = pages()["reasons.md"]

    assert [code for code in REASONS if f"`{code}`" not in text] == []


def test_a_table_has_as_many_cells_in_every_row() -> None:
    for text in pages().values():
        widths: set[int] = set()
        for line in text.splitlines():
            if line.startswith("|"):
                widths.add(line.replace("\\|", "").count("|"))
            else:
                assert len(widths) <= 1
                widths = set()
