"""The documentation against the repository: links, examples and tables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gitops_agent.api import notifier
from gitops_agent.api.parse import parse
from gitops_agent.api.problems import read
from gitops_agent.api.reasons import REASONS
from gitops_agent.api.rollout_policy import RolloutPolicySpec
from gitops_agent.cli.main import cli
from gitops_agent.manifest.key import Object
from gitops_agent.manifest.yaml import load_all

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(page: Path) -> str:
    """The text without its fenced blocks."""
    return FENCE.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def fenced(language: str) -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for tag, text in FENCE.findall(page.read_text()):
            if tag == language:
                yield page, text


def examples(kind: str) -> Iterator[tuple[Path, Object]]:
    for page, text in fenced("yaml"):
        for document in load_all(text.encode(), file=name(page)):
            if isinstance(document, dict) and document.get("kind") == kind:
                yield page, document


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name(page)}: {target}"
        if anchor:
            assert anchor in anchors(there), f"{name(page)}: {target}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    seen, todo = set(), [ROOT / "README.md"]
    while todo:
        page = todo.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        targets = (target.partition("#")[0] for target in LINK.findall(prose(page)) if "://" not in target)
        todo += [(page.parent / target).resolve() for target in targets if target]

    assert [name(page) for page in PAGES if page not in seen] == []


def test_the_readme_sets_up_with_exactly_two_commands_that_exist() -> None:
    first = next(text for page, text in fenced("console") if page.name == "README.md")
    commands = [line.partition("#")[0].split() for line in first.splitlines() if line]
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert [words[0] for words in commands] == ["make", "make"]
    assert {words[1] for words in commands} == {"demo", "test"}
    assert {words[1] for words in commands} <= targets


def test_every_printed_application_is_one() -> None:
    listing = list(examples("Application"))

    assert len(listing) >= 5
    for _, document in listing:
        parse(document)


def test_every_printed_notifier_is_one() -> None:
    listing = list(examples("Notifier"))

    assert len(listing) >= 3
    for _, document in listing:
        notifier.parse(document)


def test_every_printed_rollout_policy_is_one() -> None:
    listing = list(examples("RolloutPolicy"))

    assert len(listing) >= 5
    for _, document in listing:
        read(RolloutPolicySpec, document["spec"], root="spec")


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command a line calls, and the words after its name."""
    command: click.Command = cli
    while words and isinstance(command, click.Group):
        subcommand = command.get_command(click.Context(command), words[0])
        if subcommand is None:
            break
        command, words = subcommand, words[1:]
    return command, words


def test_every_printed_command_and_option_exists() -> None:
    lines = [
        (page, line)
        for language in ("console", "shell")
        for page, text in fenced(language)
        if page.parent.name != "reference"
        for line in re.findall(r"(?:^\$ |\$\()(?:export \w+=\$\()?gitops-agent ([^|>#)\n]+)", text, re.MULTILINE)
    ]

    assert len(lines) >= 20
    for page, line in lines:
        command, words = command_of(shlex.split(line))
        assert not isinstance(command, click.Group), f"{name(page)}: {line}"
        options = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        used = {word.partition("=")[0] for word in words if word.startswith("-")}
        assert used <= options, f"{name(page)}: {line}"


def test_the_glossary_is_in_order_and_gives_each_word_two_sentences() -> None:
    _, *parts = re.split(r"^## (.+)$", (ROOT / "docs/glossary.md").read_text(), flags=re.MULTILINE)
    words, texts = parts[::2], parts[1::2]

    assert words == sorted(words, key=str.lower)
    assert {word: len(text.strip().splitlines()) for word, text in zip(words, texts, strict=True)} == dict.fromkeys(words, 2)


def test_every_reason_has_its_place_in_the_troubleshooting() -> None:
    page = ROOT / "docs/troubleshooting.md"
    headings = re.findall(r"^### (.+)$", page.read_text(), re.MULTILINE)

    assert sorted(headings) == sorted(REASONS)


def test_the_pictures_are_small_and_load_nothing_from_elsewhere() -> None:
    for picture in ROOT.glob("docs/images/*"):
        content = picture.read_bytes()
        assert len(content) < 200_000
        assert content.startswith(b"\x89PNG") or not re.search(rb"(?:href|src)=|url\((?!#)", content)
