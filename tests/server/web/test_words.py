"""The words of the page: each there in every language, and used."""

from __future__ import annotations

import re
from pathlib import Path

SOURCES = Path(__file__).parents[3] / "gitops_agent/server/web/page"
ROW = re.compile(r'^  (?:"([^"]+)"|(\w+)): ("(?:[^"\\]|\\.)*"),$', re.MULTILINE)


def table(name: str) -> dict[str, str]:
    return {quoted or plain: text for quoted, plain, text in ROW.findall((SOURCES / name).read_text())}


def english() -> dict[str, str]:
    """All words, of the first screen and of the others."""
    return table("words.js") | table("more_words.js")


def reached(name: str, modules: set[str]) -> set[str]:
    """A module and all that it imports."""
    if name not in modules:
        modules.add(name)
        for other in re.findall(r'from "\./([\w.]+)"', (SOURCES / name).read_text()):
            reached(other, modules)
    return modules


def keys(names: set[str] | None = None) -> tuple[set[str], list[re.Pattern[str]]]:
    """Keys as literals, and patterns of those that are put together."""
    modules = names or {path.name for path in SOURCES.glob("*.js")}
    text = "\n".join((SOURCES / name).read_text() for name in modules - {"words.js", "more_words.js", "german.js"})
    literal = set(re.findall(r'\bt\([^)`]*?"([\w.-]+)"', text)) | set(re.findall(r'(?:, |\? |: )"([a-z]\w*\.[\w.]+)"', text))
    put = re.findall(r"\bt\(`([^`]+)`", text)
    patterns = [re.compile(".+".join(map(re.escape, re.split(r"\$\{(?:[^{}]|\{[^}]*\})*\}", each)))) for each in put]
    return literal, patterns


def test_languages_have_the_same_keys_and_places() -> None:
    words, german = english(), table("german.js")

    assert words.keys() == german.keys()
    assert len(words) > 200
    for key, text in words.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", german[key])), key
        assert text.count("|") == german[key].count("|"), key


def test_every_word_is_used() -> None:
    literal, patterns = keys()

    assert [key for key in english() if key not in literal and not any(each.fullmatch(key) for each in patterns)] == []


def test_every_used_word_exists() -> None:
    literal, patterns = keys()
    words = english()

    assert [key for key in literal if "." in key and not key.endswith(".js") and key not in words] == []
    assert [each.pattern for each in patterns if not any(each.fullmatch(key) for key in words)] == []


def test_the_first_screen_has_its_words_before_the_others_come() -> None:
    literal, patterns = keys(reached("main.js", set()))
    later = table("more_words.js")

    assert [key for key in later if key in literal or any(each.fullmatch(key) for each in patterns)] == []
