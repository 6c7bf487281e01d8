from __future__ import annotations

import re
from pathlib import Path

import pytest

from gitops_agent.api.event_type import EventType
from gitops_agent.api.reasons import REASONS
from gitops_agent.docsgen.commands import LATER, ON_REQUEST, WHEN, pages, refreshed, write
from gitops_agent.observe import metrics
from tests.cli.test_main import COMMANDS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "gitops_agent"


@pytest.mark.parametrize("name", sorted(pages()))
def test_the_committed_page_is_what_the_code_says(name: str) -> None:
    assert (ROOT / "docs/reference" / name).read_text() == pages()[name], "run `make generate`"


def test_every_command_has_its_section() -> None:
    sections = re.findall(r"^## (.+)$", pages()["commands.md"], re.MULTILINE)

    assert [name for name in sections if " " not in name] == COMMANDS
    assert "sandbox up" in sections


def test_every_event_says_when_it_happens() -> None:
    assert set(WHEN) == set(EventType)


def test_what_is_said_to_come_later_is_emitted_nowhere_and_the_rest_somewhere() -> None:
    emitted = {
        name for file in (PACKAGE / "agent").rglob("*.py") for name in re.findall(r"EventType\.([A-Z_]+)", file.read_text())
    }

    assert {kind.name for kind in EventType} - emitted == {kind.name for kind in LATER | ON_REQUEST}


def test_every_exposed_metric_is_in_the_table() -> None:
    text = pages()["metrics.md"]

    names = {line.split()[2] for line in metrics.exposition().decode().splitlines() if line.startswith("# TYPE")}
    assert all(f"`{name}`" in text for name in names if not name.endswith("_created"))


def test_the_pages_are_written_into_a_directory(tmp_path: Path) -> None:
    write(tmp_path)

    assert {file.name for file in tmp_path.iterdir()} == set(pages())


def test_the_troubleshooting_says_what_the_table_of_reasons_says() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text()

    assert refreshed(page) == page, "run `make generate`"


def test_a_refreshed_page_keeps_what_was_written_and_gives_new_codes_a_place() -> None:
    head, tail = "# Title\n\nBefore.\n\n## One\n\n", "## Two\n\nMore.\n"

    after = refreshed(f"{head}### Synced\n\nOld words.\n\nWritten by hand.\n\n### Gone\n\nOld.\n\n{tail}")

    meaning = REASONS["Synced"].meaning
    assert after.startswith(f"{head}### Synced\n\n{meaning}\n\nWritten by hand.\n\n{tail}")
    assert all(f"### {code}\n" in after for code in REASONS)
    assert refreshed(after) == after
